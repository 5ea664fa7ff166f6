"""Annotated radiographs on disk: layouts, checks and exploration of data sets; no torch."""
