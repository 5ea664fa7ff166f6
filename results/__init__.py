"""What leaves: the columns of a result, its rows, tables and files."""
