"""Questions to the database: results, failures, batches, and the filters they share."""
