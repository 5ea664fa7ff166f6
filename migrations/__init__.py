"""Schema history: one revision per file in versions/, applied by db.migration."""
