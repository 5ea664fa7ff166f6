"""The first frame of a DICOM file as stored values, in all transfer syntaxes for storage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
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
from radiograph.reading.fragments import DELIMITER, ITEM, first_of, fragments
from radiograph.reading.sample_grid import WHOLE, Grid
from radiograph.reading.sign import samples_of, sign_extended
from radiograph.reading.signature import Signature, signature_of, syntax_signature
from radiograph.records import ReadingNote

Stored = npt.NDArray[Any]

_NATIVE = frozenset(
    {
        None,  # no file meta information: such files are uncompressed
        str(ImplicitVRLittleEndian),
        str(ExplicitVRLittleEndian),
        str(DeflatedExplicitVRLittleEndian),
        str(ExplicitVRBigEndian),
    }
)
_CONTRADICTS = (ReadingNote.SYNTAX_CONTRADICTS_PIXELS,)


class Frame(NamedTuple):
    """Stored values, (rows, columns) or (rows, columns, 3), sign-extended, unused bits masked.

    ``layout``: that of the header, with the actual bits and sign of the values.
    ``notes``: contradictions between header and pixels.
    """

    values: Stored
    grid: Grid
    layout: Layout
    notes: tuple[ReadingNote, ...] = ()


def first_frame(file: DicomFile, layout: Layout, enough_px: int | None) -> Frame:
    """Return the first frame.

    If transfer syntax and pixels contradict each other, the pixels decide: compressed streams by
    their signature, uncompressed values by their length. ``enough_px``: as in `ReadLimits`.
    Raises BrokenHeader, NoPixels, TruncatedFile, UndecodablePixels, UnsupportedPixels.
    """
    pixels = file.pixels
    if not pixels:
        raise NoPixels
    declared = syntax_signature(file.syntax)
    if declared is None and file.syntax not in _NATIVE and file.claimed_bytes is not None:
        raise UnsupportedPixels.because(f"transfer syntax {quoted(file.syntax)}")
    if file.claimed_bytes is None or _is_in_items(pixels, file.claimed_bytes):
        return _encapsulated(file, pixels, declared, layout, enough_px)
    if file.claimed_bytes < layout.frame_bytes:
        # Either a compressed stream without items, or too few pixels.
        found = signature_of(pixels)
        if found is not None and found.magic and len(pixels) == file.claimed_bytes:
            return _decoded(bytes(pixels), found, layout, enough_px, _CONTRADICTS)
        if declared is not None:
            raise BrokenHeader.because("not compressed, unlike its syntax")
    values = _native(file, pixels, layout)
    return Frame(values, WHOLE, layout, () if declared is None else _CONTRADICTS)


def _is_in_items(pixels: memoryview, length: int) -> bool:
    """Return whether a value of defined length is a sequence of items that ends with it."""
    position = 0
    while bytes(pixels[position : position + 4]) == ITEM:
        position += 8 + int.from_bytes(pixels[position + 4 : position + 8], "little")
    return position > 0 and position in {length, length - len(DELIMITER)}


def _encapsulated(
    file: DicomFile,
    pixels: memoryview,
    declared: Signature | None,
    layout: Layout,
    enough_px: int | None,
) -> Frame:
    """Return the first compressed frame, decoded according to its signature."""
    if file.syntax in _NATIVE and pixels[:4] != ITEM:
        raise BrokenHeader.because("of unknown length, unlike its syntax")
    frame, misplaced = first_of(fragments(pixels), layout.frames, file.dataset)
    found = signature_of(frame)
    codec = found or declared
    if codec is None and file.syntax in _NATIVE:
        raise BrokenHeader.because("compressed, unlike its syntax")
    if codec is None:
        raise UnsupportedPixels.because(f"transfer syntax {quoted(file.syntax)}")
    notes = () if codec is declared else _CONTRADICTS
    if misplaced:
        notes = (*notes, ReadingNote.OFFSETS_CONTRADICT_FRAGMENTS)
    return _decoded(frame, codec, layout, enough_px, notes)


def _decoded(
    frame: bytes,
    codec: Signature,
    layout: Layout,
    enough_px: int | None,
    notes: tuple[ReadingNote, ...],
) -> Frame:
    try:
        decoded = decoder_of(codec)(frame, layout, enough_px)
    except (MemoryError, RadiographError):
        raise
    except Exception as exc:  # every codec has its own exceptions
        raise UndecodablePixels.because(type(exc).__name__) from exc
    values, grid = decoded.values, decoded.grid
    shape = grid.size(layout.rows), grid.size(layout.columns)
    if values.shape not in {shape, (*shape, 3) if layout.samples == 3 else shape}:
        raise BrokenHeader.because(f"decoded to {values.shape}")
    if values.dtype.kind not in "iu":
        raise UnsupportedPixels.because(f"decoded to {values.dtype}")
    if codec is Signature.RLE:
        # RLE encodes whole words (PS3.5 annex G), with their unused bits.
        values = sign_extended(values, layout.bits_stored, layout.high_bit, signed=layout.signed)
        return Frame(values, grid, layout, notes)
    samples = samples_of(values, decoded.bits, layout, signed=decoded.signed)
    if samples.contradictory:
        notes = (*notes, ReadingNote.BITS_CONTRADICT_PIXELS)
    layout = replace(
        layout, bits_stored=samples.bits, high_bit=samples.bits - 1, signed=samples.signed
    )
    return Frame(samples.values, grid, layout, notes)


def _native(file: DicomFile, pixels: memoryview, layout: Layout) -> Stored:
    """Return the frame of uncompressed pixels (PS3.5 8.1 and annex D)."""
    claimed = file.claimed_bytes or 0
    if len(pixels) < min(claimed, layout.frame_bytes * layout.frames):
        raise TruncatedFile
    # After decompression some files keep YBR_FULL_422 with three samples per pixel.
    frame_bytes, whole_bytes = layout.frame_bytes, layout.frame_bytes // 2 * 3
    whole = layout.subsampled and claimed >= whole_bytes * layout.frames
    if whole:
        frame_bytes = whole_bytes
    if claimed < frame_bytes:
        size = f"{claimed} bytes for {layout.columns} x {layout.rows} pixels"
        raise BrokenHeader.because(size)
    shape = (layout.rows, layout.columns)
    count = layout.rows * layout.columns
    if layout.bits_allocated == 1:
        packed = np.frombuffer(pixels[: layout.frame_bytes], np.uint8)
        return np.unpackbits(packed, count=count, bitorder="little").reshape(shape)
    order = "<" if file.little_endian else ">"
    if layout.bits_allocated == 8 and file.in_words and not file.little_endian:
        # Bytes of 8-bit pixels are swapped in big-endian words (PS3.5 D, note of 8.1.1).
        padded = pixels[: frame_bytes + frame_bytes % 2]
        samples = np.frombuffer(padded, ">u2").astype("<u2").view(np.uint8)[:frame_bytes]
    else:
        samples = np.frombuffer(pixels[:frame_bytes], f"{order}u{layout.bits_allocated // 8}")
    if layout.subsampled and not whole:
        samples = samples.reshape(-1, 4)[:, :2]  # Y only
        return samples.reshape(shape)
    if layout.samples == 3:
        shaped = samples.reshape((3, *shape)) if layout.planar else samples.reshape((*shape, 3))
        samples = np.moveaxis(shaped, 0, -1) if layout.planar else shaped
    else:
        samples = samples.reshape(shape)
    return sign_extended(samples, layout.bits_stored, layout.high_bit, signed=layout.signed)
