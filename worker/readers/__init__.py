"""The reading processes of a worker: they read files ahead of the device and never load torch."""
