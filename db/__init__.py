"""Every read and write of the database."""
