"""Reading image files into upright grey pixels."""

from radiograph.reading.limits import ReadLimits
from radiograph.reading.reader import read

__all__ = ["ReadLimits", "read"]
