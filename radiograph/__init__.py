"""What one chest radiograph is, and what is measured on it."""
