"""Queries: results, failures, batches, and the filters they share."""
