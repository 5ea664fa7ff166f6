"""One chest radiograph: how it is read, and what is measured on it."""
