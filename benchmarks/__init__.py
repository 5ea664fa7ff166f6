"""Measurements of speed: ratios of one run, on the machine they are run on."""
