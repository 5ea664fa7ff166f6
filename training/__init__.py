"""Fitting the network and judging it; it knows no queue."""
