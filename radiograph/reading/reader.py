"""Reading one file, whatever it is."""

from __future__ import annotations

import logging
import os
import stat
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from radiograph.errors import FileUnavailable, TooLarge, UnknownContent
from radiograph.reading.dicom import read_dicom
from radiograph.reading.limits import ReadingLimits
from radiograph.reading.raster import read_raster
from radiograph.recognition import HEAD_BYTES, recognise
from radiograph.records import ImageFormat, Radiograph

#: A new format is a function in a file of its own and a line here.
_READERS: dict[ImageFormat, Callable[[bytes, ReadingLimits], Radiograph]] = {
    ImageFormat.DICOM: read_dicom,
    ImageFormat.PNG: partial(read_raster, image_format=ImageFormat.PNG),
    ImageFormat.JPEG: partial(read_raster, image_format=ImageFormat.JPEG),
    ImageFormat.TIFF: partial(read_raster, image_format=ImageFormat.TIFF),
}

# pydicom's words about a broken element hold its value, which may be a patient's name.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


def read(path: Path, limits: ReadingLimits) -> Radiograph:
    """Read a file as an upright frontal radiograph, as far as its header can tell.

    Raises RadiographError; where the header could be read, the error carries it.
    """
    content = _content(path, limits.max_file_bytes)
    image_format = recognise(content[:HEAD_BYTES], path.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the logger's: they quote values
        return _READERS[image_format](content, limits)


def _content(path: Path, max_bytes: int) -> bytes:
    """Return what a regular file holds; a pipe or device is never waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise UnknownContent.because("a pipe, socket, device or folder")
            if about.st_size > max_bytes:
                raise TooLarge.because(f"{about.st_size} bytes, over {max_bytes}")
            return file.read(max_bytes)
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise FileUnavailable.because(str(reason)) from exc
