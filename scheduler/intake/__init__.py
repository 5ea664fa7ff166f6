"""Intake: folders, the watched folder, and moving or deleting its files when they have ended."""
