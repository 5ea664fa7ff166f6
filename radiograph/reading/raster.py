"""Reading PNG, JPEG and TIFF files, as teaching sets and exports hold radiographs."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from radiograph.errors import RadiographError, TruncatedFile, UndecodablePixels, UnsupportedPixels
from radiograph.image import Radiograph
from radiograph.reading.assembly import assemble
from radiograph.reading.codestream import jpeg_is_scalable
from radiograph.reading.intact import check_jpeg, check_png, check_tiff
from radiograph.reading.limits import Check, ReadLimits, check_size
from radiograph.reading.orientation import Turn, exif_turn
from radiograph.reading.reduced import scale_down
from radiograph.reading.sampling import WHOLE, Grid
from radiograph.records import Header, ImageFormat

Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_EXIF_ORIENTATION = 0x0112
_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_TIFF_OFFSETS, _TIFF_LENGTHS = (273, 324), (279, 325)  # of strips and of tiles


def read_png(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read a PNG. Raises TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels."""
    check_png(data)
    return _read(PngImageFile, ImageFormat.PNG, data, limits, check)


def read_jpeg(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read a JPEG. Raises TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels."""
    check_jpeg(data)
    return _read(JpegImageFile, ImageFormat.JPEG, data, limits, check)


def read_tiff(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read the first page of a TIFF.

    Raises TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels, UnsupportedPixels.
    """
    check_tiff(data)
    return _read(TiffImageFile, ImageFormat.TIFF, data, limits, check)


def _read(
    plugin: type[ImageFile.ImageFile],
    image_format: ImageFormat,
    data: bytes,
    limits: ReadLimits,
    check: Check,
) -> Radiograph:
    image: ImageFile.ImageFile | None = None
    header: Header | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Opened by its plugin, an image is measured by our limits and not by Pillow's global.
            image = plugin(io.BytesIO(data))
            check_size(image.height, image.width, limits)
            turn = _turn(image)
            # Of TIFF alone Pillow swaps the size and turns the pixels upright while it loads them.
            turned = image_format is ImageFormat.TIFF
            header = _header(image, image_format, swapped=turned and turn.transpose)
            check(header)
            grid = _grid(image, data, limits.enough_px)
            grey = _grey(image)
            if turned:
                grey = turn.stored(grey)
            return assemble(grey, grid, turn, header)
        except MemoryError:
            raise
        except RadiographError as exc:
            exc.header = header
            raise
        except Exception as exc:  # Pillow and its codecs raise a dozen built-in ones
            error = TruncatedFile if _is_cut(data, image, exc) else UndecodablePixels
            raise error.because(type(exc).__name__) from exc


def _header(image: ImageFile.ImageFile, image_format: ImageFormat, *, swapped: bool) -> Header:
    columns, rows = image.size[::-1] if swapped else image.size
    deep = image.mode.startswith(("I", "F"))
    return Header(
        format=image_format,
        rows=rows,
        columns=columns,
        photometric=image.mode,
        bits_stored=16 if deep else 8,
    )


def _grid(image: ImageFile.ImageFile, data: bytes, enough_px: int | None) -> Grid:
    """Have a JPEG decoded no larger than is enough; return the grid its pixels will lie on."""
    if isinstance(image, JpegImageFile) and jpeg_is_scalable(data):
        return scale_down(image, enough_px)
    return WHOLE


def _turn(image: ImageFile.ImageFile) -> Turn:
    try:
        return exif_turn(image.getexif().get(_EXIF_ORIENTATION))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - broken EXIF beside sound pixels costs the EXIF alone
        return Turn()


def _grey(image: ImageFile.ImageFile) -> Grey:
    """Return grey pixels as the file stores them, uint8 or uint16."""
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)
        # Pillow inverts 8 bits where white is zero, and leaves 16 as they are.
        white_is_zero = _tag(image, _TIFF_PHOTOMETRIC) == (_WHITE_IS_ZERO,)
        return np.asarray(65535 - deep, np.uint16) if white_is_zero else _full_scale(deep)
    if image.mode in {"I", "F"}:
        return _full_scale(np.asarray(image))
    if image.mode == "P" or "A" in image.mode or "transparency" in image.info:
        # What is transparent is no film: black.
        opaque = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(opaque, image.convert("RGBA")).convert("L"))
    if image.mode == "L":
        return np.asarray(image)
    if image.mode in {"1", "RGB", "RGBX", "CMYK", "YCbCr", "LAB"}:
        return np.asarray(image.convert("RGB").convert("L"))
    raise UnsupportedPixels.because(f"mode {image.mode}")


def _full_scale(values: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Return values over the full range of 16 bits: 10 or 12 bits are shifted up to it."""
    finite = np.isfinite(values)
    known = values[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        spare = min(16 - int(high).bit_length(), 8)
        return values.astype(np.uint16) << np.uint16(spare)
    levels = (np.where(finite, values, low) - low) * (65535.0 / max(high - low, 1e-12))
    return np.rint(levels).astype(np.uint16)


def _is_cut(data: bytes, image: ImageFile.ImageFile | None, error: Exception) -> bool:
    """Tell whether an image that failed lacks its end."""
    if isinstance(image, TiffImageFile):
        for offsets, lengths in zip(_TIFF_OFFSETS, _TIFF_LENGTHS, strict=True):
            pieces = zip(_tag(image, offsets) or (), _tag(image, lengths) or (), strict=False)
            # An entry of the wrong type holds bytes or fractions: that is broken, not cut.
            whole = [sum(each) for each in pieces if all(isinstance(part, int) for part in each)]
            if any(end > len(data) for end in whole):
                return True
    return isinstance(error, (EOFError, struct.error)) or "truncated" in str(error).lower()


def _tag(image: ImageFile.ImageFile, number: int) -> tuple[Any, ...] | None:
    if not isinstance(image, TiffImageFile):
        return None
    value = image.tag_v2.get(number)
    return value if value is None or isinstance(value, tuple) else (value,)
