"""What runs, when, where, and how often it is retried."""
