"""Output of commands: tables, progress, formats, and messages that several commands share."""
