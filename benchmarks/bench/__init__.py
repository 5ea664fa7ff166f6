"""What `thoraq bench` measures: each stage alone, the whole, and the limit the stages imply."""
