"""Parsing of a DICOM file: its data set, and the pixel element as it is in the file."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from radiograph.errors import BrokenHeader, TooLarge, TruncatedFile, UnsupportedPixels
from radiograph.reading.dicom_meta import (
    SHORT_VRS,
    Encoding,
    FileMeta,
    element_encoding,
    file_meta,
    with_known_vrs,
)
from radiograph.records import ReadingNote

_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = 0x7FE0_0010
#: PixelData, FloatPixelData and DoubleFloatPixelData.
_PIXEL_ELEMENTS = frozenset({_PIXEL_DATA, 0x7FE0_0008, 0x7FE0_0009})


@dataclass(frozen=True, slots=True)
class DicomFile:
    """One parsed file.

    ``syntax``: the transfer syntax; None without file meta information. ``pixels``: the value of
    PixelData as far as the file contains it, None if absent. ``claimed_bytes``: its length, None
    if undefined, as for compressed frames (PS3.5 A.4). ``in_words``: VR OW.
    ``notes``: contradictions found while parsing.
    """

    dataset: Dataset
    syntax: str | None
    little_endian: bool
    pixels: memoryview | None
    claimed_bytes: int | None
    in_words: bool
    notes: tuple[ReadingNote, ...] = ()


def parse(data: bytes, max_bytes: int) -> DicomFile:
    """Parse a file.

    ``max_bytes``: limit of an inflated data set. Raises BrokenHeader, TooLarge,
    TruncatedFile, UnsupportedPixels.
    """
    meta = file_meta(data)
    if meta.deflated:
        data = _inflated(data, meta, max_bytes)
    encoding = element_encoding(data, meta.start) or Encoding(implicit=True, little_endian=True)
    declared = meta.encoding
    notes = () if declared in {None, encoding} else (ReadingNote.SYNTAX_CONTRADICTS_ELEMENTS,)
    data = with_known_vrs(data, meta.start, encoding)
    file = io.BytesIO(data)
    file.seek(meta.start)
    try:
        dataset = read_dataset(file, *encoding, stop_when=_is_pixels)
    except MemoryError:
        raise
    except Exception as exc:  # pydicom raises many built-in exceptions
        if isinstance(exc, EOFError) or file.tell() >= len(data):
            raise TruncatedFile from exc
        raise BrokenHeader.because(type(exc).__name__) from exc
    rest = memoryview(data)[file.tell() :]
    if len(rest) < 8:
        if len(rest) > 0 or len(dataset) == 0 or _ends_within_an_element(dataset, len(data)):
            raise TruncatedFile
        return DicomFile(
            dataset, meta.syntax, encoding.little_endian, None, 0, in_words=False, notes=notes
        )
    order = encoding.order
    tag = int.from_bytes(rest[:2], order) << 16 | int.from_bytes(rest[2:4], order)
    if tag != _PIXEL_DATA:
        raise UnsupportedPixels.because("pixels as floats")
    vr = bytes(rest[4:6])
    long_form = not encoding.implicit and vr.isalpha() and vr.isupper() and vr not in SHORT_VRS
    start = 12 if long_form else 8
    length = int.from_bytes(rest[start - 4 : start] if long_form else rest[4:8], order)
    return DicomFile(
        dataset,
        meta.syntax,
        encoding.little_endian,
        rest[start:] if length == _UNDEFINED else rest[start : start + length],
        None if length == _UNDEFINED else length,
        in_words=vr == b"OW" or encoding.implicit,
        notes=notes,
    )


def _is_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in _PIXEL_ELEMENTS


def _inflated(data: bytes, meta: FileMeta, max_bytes: int) -> bytes:
    """Return the file with its data set inflated (PS3.5 A.5); pydicom inflates without limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        dataset = inflater.decompress(data[meta.start :], max_bytes)
    except zlib.error as exc:
        raise BrokenHeader.because(str(exc)) from exc
    if inflater.unconsumed_tail:
        raise TooLarge.because(f"over {max_bytes} bytes once inflated")
    if not inflater.eof:
        raise TruncatedFile
    return data[: meta.start] + dataset


def _ends_within_an_element(dataset: Dataset, length: int) -> bool:
    """Return whether a file of ``length`` bytes ends elsewhere than after its last element."""
    # Raw elements: accessing one by its tag would convert it, which may fail.
    elements = [each for each in dataset.values() if isinstance(each, RawDataElement)]
    last = max(elements, key=lambda element: element.value_tell, default=None)
    if last is None or last.tag < max(dataset.keys()) or last.length == _UNDEFINED:
        return False
    return last.value_tell + last.length != length
