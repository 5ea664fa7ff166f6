"""The measurements of `thoraq bench`: each stage alone, a whole run, and the limit they imply."""
