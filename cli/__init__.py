"""The operator's commands, one file each: parse, one call, print, exit code."""
