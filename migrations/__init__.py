"""Schema history: one revision a file in versions/, run by db.migration."""
