"""Training and evaluation of the network, independent of the queue."""
