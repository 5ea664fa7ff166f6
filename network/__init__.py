"""The landmark network: its input, layers, weights and predictions."""
