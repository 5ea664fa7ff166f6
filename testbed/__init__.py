"""Servers, synthetic files and records shared by tests and benchmarks; never installed."""
