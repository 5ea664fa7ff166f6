"""Reading one file of any supported format as an upright radiograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from radiograph.errors import UniformPixels
from radiograph.image import Radiograph
from radiograph.reading.files import content, opened_file
from radiograph.reading.limits import Check, ReadLimits
from radiograph.reading.raster import read_jpeg, read_png, read_tiff
from radiograph.recognition import HEAD_BYTES, recognise
from radiograph.records import Header, ImageFormat


def _read_dicom(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read DICOM. pydicom is imported on first use, which takes a fifth of a second."""
    from radiograph.reading import dicom  # noqa: PLC0415 - most importers of this package read no file

    return dicom.read_dicom(data, limits, check)


#: Readers take whole files, so that I/O errors occur only while the bytes are read.
_READERS: dict[ImageFormat, Callable[[bytes, ReadLimits, Check], Radiograph]] = {
    ImageFormat.DICOM: _read_dicom,
    ImageFormat.PNG: read_png,
    ImageFormat.JPEG: read_jpeg,
    ImageFormat.TIFF: read_tiff,
}


def read(path: Path | str, limits: ReadLimits, *, check: Check | None = None) -> Radiograph:
    """Read one file into an upright radiograph.

    ``check`` is called with the header before any pixel is decoded, and may raise. Raises only
    subclasses of RadiographError, with the header if it was read, and MemoryError.
    """
    return read_content(file_content(path, limits), str(path), limits, check=check)


def file_content(path: Path | str, limits: ReadLimits, *, follow_links: bool = True) -> bytes:
    """Return the bytes of one regular file; see `opened_file`.

    Raises FileUnavailable, TooLarge.
    """
    with opened_file(path, limits.max_file_bytes, follow_links=follow_links) as file:
        return content(file, limits.max_file_bytes)


def read_content(
    data: bytes, name: str, limits: ReadLimits, *, check: Check | None = None
) -> Radiograph:
    """Read the content of a file named ``name``, as `read` does."""
    reader = _READERS[recognise(data[:HEAD_BYTES], name)]
    try:
        return reader(data, limits, check or _accept)
    except UniformPixels:
        if limits.enough_px is None:
            raise
        # A small detail on an otherwise uniform image may be lost at reduced size.
        return reader(data, replace(limits, enough_px=None), check or _accept)


def _accept(_header: Header) -> None:
    pass
