"""Processing a message: claim, read, predict, measure, record."""
