"""The listener: a storage SCP that answers success once an object is on disk and queued."""
