"""Servers, made files and made records that tests and benchmarks share; never installed."""
