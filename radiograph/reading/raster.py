"""PNG, JPEG and TIFF as upright radiographs, through Pillow."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from radiograph.errors import (
    BrokenHeader,
    RadiographError,
    TruncatedFile,
    UndecodablePixels,
    UniformPixels,
    UnsupportedPixels,
)
from radiograph.frontal import check_header
from radiograph.reading.grey import stretch
from radiograph.reading.limits import ReadingLimits, check_size
from radiograph.reading.orientation import UPRIGHT, Orientation, exif_orientation
from radiograph.reading.upright import Grey, upright_radiograph
from radiograph.records import Header, ImageFormat, Radiograph

# The size is checked against thoraq's own limit before anything is decoded; Pillow's would
# silently stand above a limit an operator has raised.
Image.MAX_IMAGE_PIXELS = None

#: What Pillow's readers raise for content that is not what it should be.
_FAULTS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_PHOTOMETRIC_TAG = 262
_WHITE_IS_ZERO = 0


def read_raster(content: bytes, limits: ReadingLimits, image_format: ImageFormat) -> Radiograph:
    """Read the first image of a PNG, JPEG or TIFF file. Raises RadiographError."""
    try:
        image = Image.open(io.BytesIO(content), formats=[image_format.name])
        columns, rows = image.size
        frames = int(getattr(image, "n_frames", 1))
        orientation = _orientation(image)
    except _FAULTS as exc:
        if _ends_early(content, image_format):
            raise TruncatedFile(TruncatedFile.__doc__) from exc
        raise BrokenHeader.because(f"{type(exc).__name__} while parsing") from exc
    header = Header(
        format=image_format, rows=rows, columns=columns, photometric=image.mode, frames=frames
    )
    try:
        check_size(rows, columns, limits)
        check_header(header, limits.min_side_px)
        try:
            grey = _grey(image)
        except _FAULTS as exc:
            if _ends_early(content, image_format):
                raise TruncatedFile(TruncatedFile.__doc__) from exc
            raise UndecodablePixels.because(f"{type(exc).__name__} while decoding") from exc
        if image_format is ImageFormat.TIFF:
            # Pillow has turned a TIFF upright while it loaded it: turn it back, once for all.
            grey = _unturned(grey, orientation)
        return upright_radiograph(grey, header, orientation)
    except RadiographError as exc:
        exc.header = header
        raise


def _grey(image: Image.Image) -> Grey:
    image.seek(0)
    image.load()
    mode = image.mode
    if mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise UnsupportedPixels.because("32 bits a pixel")
        return _sixteen_bits(values.astype(np.uint16), image)
    if mode == "F":
        raise UnsupportedPixels.because("floating point pixels")
    if mode in {"P", "PA"}:
        image = image.convert("RGBA").convert("RGB")
    return np.asarray(image.convert("L"), np.uint8)


def _sixteen_bits(values: npt.NDArray[np.uint16], image: Image.Image) -> Grey:
    if values.min() == values.max():
        raise UniformPixels(UniformPixels.__doc__)
    tags = getattr(image, "tag_v2", {})
    # Pillow inverts 8 bits where white is zero, but leaves 16 as they are.
    if tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO:
        values = np.uint16(65535) - values
    return stretch(values)


def _orientation(image: Image.Image) -> Orientation:
    try:
        return exif_orientation(image.getexif().get(ExifTags.Base.Orientation))
    except _FAULTS:
        return UPRIGHT  # broken EXIF beside sound pixels


def _unturned(grey: Grey, orientation: Orientation) -> Grey:
    turned = grey[::-1] if orientation.mirror_y else grey
    turned = turned[:, ::-1] if orientation.mirror_x else turned
    return turned.T if orientation.transpose else turned


def _ends_early(content: bytes, image_format: ImageFormat) -> bool:
    """Tell whether the end of the format is missing."""
    if image_format is ImageFormat.PNG:
        return b"IEND" not in content[-64:]
    if image_format is ImageFormat.JPEG:
        return b"\xff\xd9" not in content[-4096:]
    return _tiff_ends_early(content)


def _tiff_ends_early(content: bytes) -> bool:
    """Tell whether a TIFF's directory or its last strip lies behind the end of the file."""
    if len(content) < 16:
        return True
    order = "<" if content.startswith(b"II") else ">"
    big = content[2:4] in {b"+\0", b"\0+"}
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), content, 8 if big else 4)
    if start + 8 > len(content):
        return True
    try:
        tags = Image.open(io.BytesIO(content), formats=["TIFF"]).tag_v2  # type: ignore[attr-defined]
        ends = [
            offset + count
            for offsets, counts in ((273, 279), (324, 325))  # strips, tiles
            for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        ]
    except _FAULTS:
        return False
    return bool(ends) and max(ends) > len(content)
