"""Pixel spacing of a DICOM file."""

from __future__ import annotations

from pydicom.dataset import Dataset

from radiograph.reading.elements import numbers, whole_number
from radiograph.records import PixelSpacing, SpacingSource

#: A spacing outside this range is a default or in a wrong unit: 0.000, metres, micrometres.
_SMALLEST_MM, _LARGEST_MM = 0.01, 10.0
#: No detector is larger; a spacing of 1 on 3,000 pixels is a default.
_LARGEST_DETECTOR_MM = 1000.0


def pixel_spacing(dataset: Dataset) -> PixelSpacing | None:
    """Return PixelSpacing, else ImagerPixelSpacing, which projection magnifies (PS3.3 10.7.1)."""
    size = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    for source in (SpacingSource.PIXEL_SPACING, SpacingSource.IMAGER_PIXEL_SPACING):
        found = numbers(dataset, source.value)
        # Between rows first, then between columns (PS3.3 10.7.1.3).
        if len(found) == 2 and all(
            _SMALLEST_MM <= value <= _LARGEST_MM and value * (pixels or 0) <= _LARGEST_DETECTOR_MM
            for value, pixels in zip(found, size, strict=True)
        ):
            return PixelSpacing(found[0], found[1], source)
    return None
