"""Benchmarks: ratios within one run, on the machine they are run on."""
