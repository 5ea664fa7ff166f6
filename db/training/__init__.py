"""Training runs in the database: queued, claimed, recovered, read."""
