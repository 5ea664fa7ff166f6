"""Copies of the whole database: made while others write, rotated, restored."""
