"""Copies of the whole database: taken while others write, kept in rotation, brought back."""
