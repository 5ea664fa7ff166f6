"""Output of results: columns, rows, tables, pictures and files."""
