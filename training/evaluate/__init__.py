"""Evaluating networks on annotated radiographs: errors, agreement, calibration, reliability."""
