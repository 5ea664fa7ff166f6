"""The data set of a DICOM file, without its pixels, as whoever makes objects of it needs it."""

from __future__ import annotations

import logging
import warnings

from pydicom.dataset import Dataset

from radiograph.reading.dicom_file import parse

# As in `dicom`: pydicom's words about an element hold its value.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


def source_dataset(data: bytes, max_bytes: int) -> Dataset:
    """Return the elements of a file that come before its pixels, read as a worker reads them.

    ``max_bytes`` bounds an inflated data set. Raises BrokenHeader, TooLarge, TruncatedFile,
    UnsupportedPixels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for the same reason
        return parse(data, max_bytes).dataset
