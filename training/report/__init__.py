"""Showing an evaluation: tables on the terminal, plots, pictures and one page."""
