"""Annotated radiographs on disk: how data sets are laid out, checked and looked at; no torch."""
