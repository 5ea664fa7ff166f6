"""Fitting the network: batches, losses, phases, checkpoints and the run of a plan."""
