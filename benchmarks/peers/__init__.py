"""thoraq beside what a user would otherwise reach for, on the same files and the same network."""
