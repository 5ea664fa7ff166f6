"""Doing one message: claim, read, predict, measure, record."""
