"""Reports of an evaluation: tables on the terminal, plots, pictures and an HTML page."""
