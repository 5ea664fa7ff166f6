"""The first frame of a DICOM file as stored values, in every transfer syntax hospitals store."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.encaps import get_frame
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from radiograph.errors import (
    BrokenHeader,
    NoPixels,
    RadiographError,
    TruncatedFile,
    UndecodablePixels,
    UnsupportedPixels,
    quoted,
)
from radiograph.reading.codecs import decoder_of
from radiograph.reading.dicom_file import DicomFile
from radiograph.reading.dicom_layout import Layout
from radiograph.reading.sampling import Sampled

Stored = npt.NDArray[Any]

_NATIVE = frozenset(
    {
        None,  # no file meta information: such files are older than compression
        str(ImplicitVRLittleEndian),
        str(ExplicitVRLittleEndian),
        str(DeflatedExplicitVRLittleEndian),
        str(ExplicitVRBigEndian),
    }
)
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def first_frame(file: DicomFile, layout: Layout, enough_px: int | None) -> Sampled:
    """Return stored values, (rows, columns) or (rows, columns, 3), sign and unused bits settled.

    A codec that can decodes no more than leaves ``enough_px`` on the shorter side, if given.
    Raises BrokenHeader, NoPixels, TruncatedFile, UndecodablePixels, UnsupportedPixels.
    """
    pixels = file.pixels
    if not pixels:
        raise NoPixels(NoPixels.__doc__)
    if file.syntax in _NATIVE:
        if file.claimed_bytes is None:
            raise BrokenHeader.because("compressed, unlike its syntax")
        return Sampled(_native(file, pixels, layout))
    return _compressed(file, pixels, layout, enough_px)


def _compressed(
    file: DicomFile, pixels: memoryview, layout: Layout, enough_px: int | None
) -> Sampled:
    """Return the first of the compressed frames."""
    decode = decoder_of(file.syntax or "")
    if decode is None:
        raise UnsupportedPixels.because(f"transfer syntax {quoted(file.syntax)}")
    if file.claimed_bytes is not None:
        raise BrokenHeader.because("not compressed, unlike its syntax")
    frame = _encapsulated(pixels, layout.frames)
    try:
        decoded, grid = decode(frame, layout, enough_px)
    except (MemoryError, RadiographError):
        raise
    except Exception as exc:  # every codec has errors of its own
        raise UndecodablePixels.because(type(exc).__name__) from exc
    shape = grid.size(layout.rows), grid.size(layout.columns)
    if decoded.shape not in {shape, (*shape, 3) if layout.samples == 3 else shape}:
        raise BrokenHeader.because(f"decoded to {decoded.shape}")
    if decoded.dtype.kind not in "iu":
        raise UnsupportedPixels.because(f"decoded to {decoded.dtype}")
    if file.syntax == RLELossless:
        # A run-length code holds the whole word (PS3.5 annex G), unused bits too.
        return Sampled(
            _settled(decoded, layout.bits_stored, layout.high_bit, signed=layout.signed), grid
        )
    if decoded.dtype.kind == "u" and not layout.signed:
        return Sampled(decoded, grid)
    bits = layout.bits_stored
    return Sampled(_settled(decoded, bits, bits - 1, signed=layout.signed), grid)


def _encapsulated(pixels: memoryview, frames: int) -> bytes:
    """Return the first frame (PS3.5 A.4). Raises TruncatedFile, UndecodablePixels."""
    position = 0
    while bytes(pixels[position : position + 4]) == _ITEM:
        position += 8 + int.from_bytes(pixels[position + 4 : position + 8], "little")
    if position == 0 and len(pixels) >= 4:
        raise UndecodablePixels.because("no items")
    # Some writers leave the delimiter out; a cut file ends within an item.
    if position > len(pixels) or len(pixels) < 8:
        raise TruncatedFile(TruncatedFile.__doc__)
    try:
        return get_frame(
            bytes(pixels[:position]) + _DELIMITER + bytes(4), 0, number_of_frames=frames
        )
    except Exception as exc:  # pydicom names several built-in ones
        raise UndecodablePixels.because(type(exc).__name__) from exc


def _native(file: DicomFile, pixels: memoryview, layout: Layout) -> Stored:
    """Return the frame of uncompressed pixels (PS3.5 8.1 and annex D)."""
    claimed = file.claimed_bytes or 0
    if len(pixels) < min(claimed, layout.frame_bytes * layout.frames):
        raise TruncatedFile(TruncatedFile.__doc__)
    # Whoever decompresses may leave the name of the compressed colours to all three of a pixel.
    frame_bytes, whole_bytes = layout.frame_bytes, layout.frame_bytes // 2 * 3
    whole = layout.subsampled and claimed >= whole_bytes * layout.frames
    if whole:
        frame_bytes = whole_bytes
    if claimed < frame_bytes:
        size = f"{claimed} bytes for {layout.columns} x {layout.rows} pixels"
        raise TruncatedFile.because(size)
    shape = (layout.rows, layout.columns)
    count = layout.rows * layout.columns
    if layout.bits_allocated == 1:
        packed = np.frombuffer(pixels[: layout.frame_bytes], np.uint8)
        return np.unpackbits(packed, count=count, bitorder="little").reshape(shape)
    order = "<" if file.little_endian else ">"
    if layout.bits_allocated == 8 and file.in_words and not file.little_endian:
        # Bytes of 8-bit pixels lie swapped in big-endian words (PS3.5 D, note of 8.1.1).
        padded = pixels[: frame_bytes + frame_bytes % 2]
        samples = np.frombuffer(padded, ">u2").astype("<u2").view(np.uint8)[:frame_bytes]
    else:
        samples = np.frombuffer(pixels[:frame_bytes], f"{order}u{layout.bits_allocated // 8}")
    if layout.subsampled and not whole:
        samples = samples.reshape(-1, 4)[:, :2]  # only Y is asked for
        return samples.reshape(shape)
    if layout.samples == 3:
        shaped = samples.reshape((3, *shape)) if layout.planar else samples.reshape((*shape, 3))
        samples = np.moveaxis(shaped, 0, -1) if layout.planar else shaped
    else:
        samples = samples.reshape(shape)
    return _settled(samples, layout.bits_stored, layout.high_bit, signed=layout.signed)


def _settled(samples: Stored, bits: int, high_bit: int, *, signed: bool) -> Stored:
    """Return values without what lies in unused bits (overlays once did), sign extended."""
    size = samples.dtype.itemsize
    unsigned = samples.astype(f"u{size}", copy=False)
    if high_bit + 1 < bits or bits > 8 * size:
        bits = 8 * size
    shift = high_bit + 1 - bits if high_bit + 1 > bits else 0
    if shift or bits < 8 * size:
        unsigned = (unsigned >> shift) & ((1 << bits) - 1)
    if not signed:
        return unsigned
    spare = 8 * size - bits
    shifted = (unsigned << spare).astype(f"u{size}", copy=False).view(f"i{size}")
    return np.asarray(shifted >> spare)
