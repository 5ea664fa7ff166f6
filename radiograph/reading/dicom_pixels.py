"""The first frame of a DICOM image as one unsigned code a pixel, whatever it is stored in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from radiograph.errors import (
    BrokenHeader,
    NoPixels,
    TruncatedFile,
    UndecodablePixels,
    UnsupportedPixels,
)
from radiograph.reading.codecs import CODECS, CONVERTS_COLOURS, decode
from radiograph.reading.dataset import Parsed
from radiograph.reading.elements import FAULTS, integer
from radiograph.reading.layout import Layout, read_layout
from radiograph.reading.limits import ReadingLimits, check_size

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
#: Rec. 601 luminance, as Pillow computes it for PNG and JPEG.
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def first_frame(parsed: Parsed, limits: ReadingLimits) -> tuple[Codes, Layout]:
    """Return the first frame, (rows, columns), and its layout; of colours the luminance.

    A code is a stored value as it lies in ``layout.bits`` bits: a negative one is above the
    positive ones. Raises Unreadable.
    """
    if parsed.truncated:
        raise TruncatedFile(TruncatedFile.__doc__)
    if "PixelData" not in parsed.dataset:
        if "FloatPixelData" in parsed.dataset or "DoubleFloatPixelData" in parsed.dataset:
            raise UnsupportedPixels.because("floating point pixels")
        raise NoPixels(NoPixels.__doc__)
    layout = read_layout(parsed.dataset)
    check_size(layout.rows, layout.columns, limits)
    data = _pixel_data(parsed.dataset)
    if not data:
        raise NoPixels(NoPixels.__doc__)
    syntax = parsed.transfer_syntax
    if syntax in _NATIVE:
        samples = _native(data, layout, little_endian=parsed.little_endian)
        converted = False
    elif syntax in CODECS:
        samples = decode(_encapsulated(data, parsed.dataset), layout, syntax)
        converted = CODECS[syntax] in CONVERTS_COLOURS
        layout = _as_compressed(layout, samples)
    else:
        raise UnsupportedPixels.because(f"transfer syntax {str(syntax)[:64]}")
    if layout.samples == 3:
        return _luminance(samples, layout, converted=converted), replace(layout, signed=False)
    return _codes(samples, layout), layout


def _pixel_data(dataset: Dataset) -> bytes:
    try:
        value = dataset["PixelData"].value
    except FAULTS as exc:
        raise BrokenHeader.because("the pixel element cannot be parsed") from exc
    return value if isinstance(value, bytes) else b""


def _native(data: bytes, layout: Layout, *, little_endian: bool) -> npt.NDArray[Any]:
    """Read uncompressed samples (PS3.5, 8.1.1)."""
    if layout.photometric == "YBR_FULL_422":
        # Two luminances, then the chrominances they share (PS3.3, C.7.6.3.1.2).
        pairs = _values(data, layout, layout.rows * layout.columns * 2, little_endian)
        bright = pairs.reshape(layout.rows, -1, 4)[:, :, :2].reshape(layout.rows, layout.columns)
        return np.repeat(bright[:, :, None], 3, axis=2)
    values = _values(data, layout, int(np.prod(layout.shape)), little_endian)
    if layout.samples > 1 and layout.planar:
        planes = values.reshape(layout.samples, layout.rows, layout.columns)
        return np.moveaxis(planes, 0, -1)
    return values.reshape(layout.shape)


def _values(data: bytes, layout: Layout, count: int, little_endian: bool) -> npt.NDArray[Any]:
    needed = count * layout.bytes
    if len(data) < needed:
        raise BrokenHeader.because(f"{len(data)} bytes of pixels where the header needs {needed}")
    if layout.bytes == 2:
        return np.frombuffer(data, "<u2" if little_endian else ">u2", count)
    if little_endian:
        return np.frombuffer(data, np.uint8, count)
    # Big endian stores 8 bits in words whose bytes are swapped (PS3.5, 8.1.1, OW).
    words = np.frombuffer(data, "<u2", len(data) // 2).byteswap()
    return words.view(np.uint8)[:count]


def _encapsulated(data: bytes, dataset: Dataset) -> bytes:
    """Return the first frame's bytes (PS3.5, A.4)."""
    try:
        return get_frame(data, 0, number_of_frames=max(1, integer(dataset, "NumberOfFrames") or 1))
    except FAULTS as exc:
        raise UndecodablePixels.because("the fragments cannot be put together") from exc


def _as_compressed(layout: Layout, samples: npt.NDArray[Any]) -> Layout:
    """Trust the frame where it holds more bits than the header says; they begin at bit 0."""
    bits = layout.bits
    if samples.dtype.kind == "u":
        bits = max(bits, int(samples.max()).bit_length())
    return replace(layout, bits=bits, high_bit=bits - 1)


def _codes(samples: npt.NDArray[Any], layout: Layout) -> Codes:
    """Drop what lies around the stored bits: overlays of old, the extension of the sign."""
    codes = samples.astype(np.uint8 if layout.bits <= 8 and layout.bytes == 1 else np.uint16)
    if shift := layout.high_bit + 1 - layout.bits:
        codes >>= shift
    if layout.bits < codes.itemsize * 8:
        codes &= (1 << layout.bits) - 1
    return codes


def _luminance(samples: npt.NDArray[Any], layout: Layout, *, converted: bool) -> Codes:
    if layout.photometric.startswith("YBR") and not converted:
        bright = samples[:, :, 0]
    else:
        bright = np.rint(samples.astype(np.float32) @ _LUMINANCE)
    return _codes(bright, layout)
