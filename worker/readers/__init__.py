"""The reading processes of a worker, which read files ahead of the device and never load torch."""
