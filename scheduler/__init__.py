"""Settings, broker, queues and processes: what runs, when, where, and how often it is retried."""
