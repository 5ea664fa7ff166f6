"""Encapsulated frames: fragments in items, and the offset tables of frames."""

from __future__ import annotations

from typing import NamedTuple

from pydicom.dataset import Dataset

from radiograph.errors import BrokenHeader, TruncatedFile, UndecodablePixels
from radiograph.reading.elements import values
from radiograph.reading.signature import signature_of

ITEM = b"\xfe\xff\x00\xe0"
DELIMITER = b"\xfe\xff\xdd\xe0" + bytes(4)
_HEAD = 8
#: Far more than an image has; each takes memory, even an empty one.
_MOST_ITEMS = 1 << 18


class Fragments(NamedTuple):
    """The value of an encapsulated PixelData (PS3.5 A.4).

    ``table``: basic offset table. ``starts``: offset of each fragment's item from the first
    fragment, as in offset tables.
    """

    table: tuple[int, ...]
    starts: tuple[int, ...]
    contents: tuple[memoryview, ...]


def fragments(pixels: memoryview) -> Fragments:
    """Split the value into items. Raises TruncatedFile, UndecodablePixels."""
    position = 0
    items: list[tuple[int, memoryview]] = []
    while bytes(pixels[position : position + 4]) == ITEM:
        begin = position + _HEAD
        end = begin + int.from_bytes(pixels[position + 4 : begin], "little")
        if len(items) > _MOST_ITEMS:
            raise UndecodablePixels.because("too many fragments")
        items.append((position, pixels[begin:end]))
        position = end
    if not items and len(pixels) >= 4:
        raise UndecodablePixels.because("no items")
    # Some writers omit the delimiter; a truncated file ends within an item.
    if position > len(pixels) or len(pixels) < _HEAD:
        raise TruncatedFile
    if len(items) < 2:
        raise UndecodablePixels.because("no fragments")
    first = items[1][0]
    table = bytes(items[0][1])
    return Fragments(
        tuple(int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table) - 3, 4)),
        tuple(at - first for at, _ in items[1:]),
        tuple(content for _, content in items[1:]),
    )


def first_of(found: Fragments, frames: int, dataset: Dataset) -> tuple[bytes, bool]:
    """Return the first frame, and whether the tables contradict the fragments.

    A single frame is all fragments, whatever the table, up to one that begins another stream. Of
    several frames the first ends where the second begins: by the extended offset table, by the
    basic one, or, without them, by the signatures of the fragments. Raises BrokenHeader.
    """
    table = _extended(dataset) or found.table
    fits = not table or (
        len(table) == frames
        and table[0] == 0
        and list(table) == sorted(set(table))
        and set(table) <= set(found.starts)
    )
    count = len(found.contents)
    if frames == 1:
        return _joined(found, _to_next_stream(found)), not fits
    if not fits:
        raise BrokenHeader.because(f"an offset table that does not fit {count} fragments")
    if table:
        return _joined(found, found.starts.index(table[1])), False
    if count == frames:
        return _joined(found, 1), False
    end = _to_next_stream(found)
    if count < frames or end == count:
        raise BrokenHeader.because(f"{count} fragments for {frames} frames without an offset table")
    return _joined(found, end), False


def _extended(dataset: Dataset) -> tuple[int, ...]:
    """Return the extended offset table (PS3.3 C.7.6.3.1.8), 64 bits per offset; empty if absent."""
    found = values(dataset, "ExtendedOffsetTable")
    if not found or not isinstance(found[0], bytes):
        return ()
    table = found[0]
    return tuple(int.from_bytes(table[at : at + 8], "little") for at in range(0, len(table) - 7, 8))


def _to_next_stream(found: Fragments) -> int:
    """Return the number of fragments before the next one that begins a stream."""
    first = signature_of(found.contents[0])
    for number, content in enumerate(found.contents[1:], start=1):
        if first is not None and first.magic and signature_of(content) == first:
            return number
    return len(found.contents)


def _joined(found: Fragments, count: int) -> bytes:
    return b"".join(found.contents[:count])
