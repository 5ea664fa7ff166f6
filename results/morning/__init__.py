"""The morning report: one HTML page on a batch."""
