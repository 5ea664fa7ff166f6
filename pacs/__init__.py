"""Talking to other DICOM nodes: what they send is received here, and queued."""
