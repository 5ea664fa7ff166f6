"""Comparing thoraq with other engines, on the same files and with the same network."""
