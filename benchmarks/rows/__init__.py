"""Speed of commands on a database of a million radiographs: ``python -m benchmarks.rows``."""
