"""Reading image files into upright grey pixels."""

from radiograph.reading.limits import ReadLimits
from radiograph.reading.reader import file_content, read, read_content

__all__ = ["ReadLimits", "file_content", "read", "read_content"]
