"""Reading image files into upright grey pixels."""

from radiograph.reading.limits import ReadingLimits
from radiograph.reading.reader import read

__all__ = ["ReadingLimits", "read"]
