"""What thoraq needs to run: each thing checked without a change, and how to repair it."""
