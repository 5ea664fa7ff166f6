"""What a database of a million radiographs costs an operator: ``python -m benchmarks.rows``."""
