"""A DICOM file taken apart: its data set, and the pixel element as it lies in the file."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import Literal

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from radiograph.errors import BrokenHeader, TooLarge, TruncatedFile, UnsupportedPixels
from radiograph.reading.elements import text

_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = (0x7FE0, 0x0010)
_LONG_VRS = frozenset({b"OB", b"OW", b"UN"})
_DEFLATED = DeflatedExplicitVRLittleEndian.encode()
#: Written over the former once a data set is inflated, so that all go on alike.
_INFLATED = ExplicitVRLittleEndian.encode().ljust(len(_DEFLATED), b"\x00")


@dataclass(frozen=True, slots=True)
class DicomFile:
    """One parsed file.

    ``syntax``: the transfer syntax; None without file meta information. ``pixels``: the value of
    PixelData as far as the file reaches, None without one. ``claimed_bytes``: its length, None
    where undefined, which is how compressed frames are stored (PS3.5 A.4). ``in_words``: VR OW.
    """

    dataset: Dataset
    syntax: str | None
    little_endian: bool
    pixels: memoryview | None
    claimed_bytes: int | None
    in_words: bool


def parse(data: bytes, max_bytes: int) -> DicomFile:
    """Take a file apart.

    ``max_bytes`` bounds an inflated data set. Raises BrokenHeader, TooLarge,
    TruncatedFile, UnsupportedPixels.
    """
    deflated = _DEFLATED in data[:2048]
    if deflated:
        data = _inflated(data, max_bytes)
    file = io.BytesIO(data)
    try:
        dataset = dcmread(file, force=True, stop_before_pixels=True)
        implicit, little_endian = dataset.original_encoding
    except MemoryError:
        raise
    except Exception as exc:  # pydicom has no error of its own for most of what files hold
        if isinstance(exc, EOFError) or file.tell() >= len(data):
            raise TruncatedFile(TruncatedFile.__doc__) from exc
        raise BrokenHeader.because(type(exc).__name__) from exc
    syntax = text(dataset.file_meta, "TransferSyntaxUID")
    rest = memoryview(data)[file.tell() :]
    if len(rest) < 8:
        if len(rest) > 0 or len(dataset) == 0 or _ends_within_an_element(dataset, len(data)):
            raise TruncatedFile(TruncatedFile.__doc__)
        return DicomFile(dataset, syntax, bool(little_endian), None, 0, in_words=False)
    order: Literal["little", "big"] = "little" if little_endian else "big"
    tag = (int.from_bytes(rest[:2], order), int.from_bytes(rest[2:4], order))
    if tag != _PIXEL_DATA:
        raise UnsupportedPixels.because("pixels as floats")
    # A file may say that its elements are implicit and write them explicitly. No value is of odd
    # length (PS3.5 7.1.1), as these letters would be.
    long_form = bytes(rest[4:6]) in _LONG_VRS and (not implicit or bytes(rest[6:8]) == b"\0\0")
    start = 12 if long_form else 8
    length = int.from_bytes(rest[start - 4 : start], order)
    return DicomFile(
        dataset,
        str(DeflatedExplicitVRLittleEndian) if deflated else syntax,
        bool(little_endian),
        rest[start:] if length == _UNDEFINED else rest[start : start + length],
        None if length == _UNDEFINED else length,
        bytes(rest[4:6]) == b"OW" or (bool(implicit) and not long_form),
    )


def _inflated(data: bytes, max_bytes: int) -> bytes:
    """Return the file with its data set inflated (PS3.5 A.5), which pydicom does without limit."""
    # Group length, always first (PS3.10 7.1), tells where the file meta information ends.
    begin = 132 if data[128:132] == b"DICM" else 0
    if data[begin : begin + 6] != b"\x02\x00\x00\x00UL":
        raise BrokenHeader.because("no group length")
    value = begin + 8
    start = value + 4 + int.from_bytes(data[value : value + 4], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        dataset = inflater.decompress(data[start:], max_bytes)
    except zlib.error as exc:
        raise BrokenHeader.because(str(exc)) from exc
    if inflater.unconsumed_tail:
        raise TooLarge.because(f"over {max_bytes} bytes once inflated")
    if not inflater.eof:
        raise TruncatedFile(TruncatedFile.__doc__)
    return data[:start].replace(_DEFLATED, _INFLATED) + dataset


def _ends_within_an_element(dataset: Dataset, length: int) -> bool:
    """Tell whether a file of ``length`` bytes ends anywhere but behind its last element."""
    # Values as they were read: to ask for an element would convert it, and that may fail.
    elements = [each for each in dataset.values() if isinstance(each, RawDataElement)]
    last = max(elements, key=lambda element: element.value_tell, default=None)
    if last is None or last.tag < max(dataset.keys()) or last.length == _UNDEFINED:
        return False
    return last.value_tell + last.length != length
