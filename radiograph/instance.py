"""A DICOM instance as it is known wherever it is kept: a digest of its data set.

Whoever stores or sends an instance writes file meta information of its own (group 0002), may give
sequences other lengths and leave group lengths and padding out. None of this is hashed, so that a
file of an archive and what the network brought of the same instance have one digest. The transfer
syntax is, unless both are uncompressed and little endian, which differ in no value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, Protocol

from radiograph.errors import BrokenHeader

_PREFIX_AT, _BEGIN = 128, 132
_META_GROUP, _SYNTAX = 2, 0x0002_0010
#: What is told of an instance besides its digest.
_SOP_CLASS, _SOP_UID, _STUDY_UID = 0x0008_0016, 0x0008_0018, 0x0020_000D
_ROWS, _COLUMNS = 0x0028_0010, 0x0028_0011
_TOLD = frozenset({_SOP_CLASS, _SOP_UID, _STUDY_UID, _ROWS, _COLUMNS})
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_PIXEL_DATA, _PADDING = 0x7FE0_0010, 0xFFFC_FFFC
_UNDEFINED = 0xFFFF_FFFF
_BLOCK_BYTES, _AHEAD_BYTES = 1 << 18, 1 << 14
#: Sequences within sequences; deeper ones are a fault or an attack.
_DEEPEST = 64
#: Of the file meta information alone.
_LONGEST_META_VALUE = 1 << 20
#: VRs whose length takes two bytes (PS3.5 7.1.2).
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_DEFLATED, _BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
#: Uncompressed and little endian, by either form of elements.
_PLAIN = frozenset({None, "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_LONGEST_UID = 64

_Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class Instance:
    """What a file says of the instance it holds; None where that is absent or no valid UID."""

    digest: str
    sop_uid: str | None = None
    sop_class: str | None = None
    study_uid: str | None = None
    rows: int | None = None
    columns: int | None = None


def is_uid(text: str) -> bool:
    """Whether a text is a UID as PS3.5 9.1 has it: no leading zeros, 64 characters at most."""
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        ...


def instance_of(file: Readable, begun: bytes = b"") -> Instance | None:
    """Read a DICOM file to its end; None where its elements cannot be followed.

    Values are read in blocks and none is kept, so that a file of any size costs little memory.
    ``begun``: the first bytes, where they were read from ``file`` already. Raises OSError.
    """
    source = _Source(file, begun)
    try:
        return _instance(source)
    except BrokenHeader:
        return None
    finally:
        source.drain()


class _Head(NamedTuple):
    """The head of an element. ``vr``: empty where there is none."""

    tag: int
    vr: bytes
    length: int


class _Source:
    """Reads a file forwards; ``at``: how many bytes were taken."""

    def __init__(self, file: Readable, begun: bytes) -> None:
        self._file = file
        self._ahead, self._next = begun, 0
        self.at = 0

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end, and leave them."""
        while len(self._ahead) - self._next < size and (more := self._file.read(_AHEAD_BYTES)):
            self._ahead = self._ahead[self._next :] + more
            self._next = 0
        return self._ahead[self._next : self._next + size]

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes. Raises BrokenHeader."""
        found = self.peek(size)
        if len(found) < size:
            raise BrokenHeader
        self._next += size
        self.at += size
        return found

    def hand_on(self, size: int | None, into: Callable[[bytes], object]) -> None:
        """Give the next ``size`` bytes, or all there are, to ``into``. Raises BrokenHeader."""
        while size is None or size > 0:
            most = _BLOCK_BYTES if size is None else min(size, _BLOCK_BYTES)
            found = self._ahead[self._next : self._next + most]
            self._next += len(found)
            found = found or self._file.read(most)
            if not found:
                if size is None:
                    return
                raise BrokenHeader
            self.at += len(found)
            size = None if size is None else size - len(found)
            into(found)

    def drain(self) -> None:
        """Read what is left."""
        while self._file.read(_BLOCK_BYTES):
            pass


def _instance(source: _Source) -> Instance:
    if source.peek(_BEGIN)[_PREFIX_AT:] == b"DICM":
        source.take(_BEGIN)
    syntax = _syntax(source)
    walk = _Walk(source, *_written(source))
    said = "plain" if syntax in _PLAIN and walk.order == "little" else str(syntax)
    walk.hash(f"thoraq instance 1 {said}\n".encode())
    if syntax == _DEFLATED:
        source.hand_on(None, walk.hash)
    else:
        walk.elements(None, depth=0)
    return Instance(
        walk.digest.hexdigest(),
        sop_uid=walk.uids.get(_SOP_UID),
        sop_class=walk.uids.get(_SOP_CLASS),
        study_uid=walk.uids.get(_STUDY_UID),
        rows=walk.sides.get(_ROWS),
        columns=walk.sides.get(_COLUMNS),
    )


def _syntax(source: _Source) -> str | None:
    """Walk the file meta information; return its transfer syntax."""
    syntax = None
    while True:
        implicit, order = _written(source)
        first = source.peek(4)
        if len(first) < 4 or int.from_bytes(first[:2], order) != _META_GROUP:
            return syntax
        head = _head(source, order, implicit=implicit)
        if head.length > _LONGEST_META_VALUE:
            raise BrokenHeader
        value = source.take(head.length)
        if head.tag == _SYNTAX:
            syntax = value.decode("ascii", "replace").strip("\0 ") or None


def _written(source: _Source) -> tuple[bool, _Order]:
    """Return whether the elements that follow are implicit, and their byte order, by the first."""
    first = source.peek(8)
    little, big = int.from_bytes(first[:2], "little"), int.from_bytes(first[:2], "big")
    return not _is_vr(first[4:6]), "little" if little <= big else "big"


def _is_vr(letters: bytes) -> bool:
    return len(letters) == 2 and all(0x41 <= each <= 0x5A for each in letters)


def _head(source: _Source, order: _Order, *, implicit: bool) -> _Head:
    start = source.take(8)
    tag = int.from_bytes(start[:2], order) << 16 | int.from_bytes(start[2:4], order)
    vr = start[4:6]
    if implicit or tag in {_ITEM, _ITEM_END, _SEQUENCE_END} or not _is_vr(vr):
        return _Head(tag, b"", int.from_bytes(start[4:8], order))
    if vr in _SHORT:
        return _Head(tag, vr, int.from_bytes(start[6:8], order))
    return _Head(tag, vr, int.from_bytes(source.take(4), order))


class _Walk:
    """Hashes the elements of a data set, at any depth, in one form."""

    def __init__(self, source: _Source, implicit: bool, order: _Order) -> None:
        self._source = source
        self._implicit = implicit
        self.order = order
        self.digest = hashlib.sha256()
        self.hash = self.digest.update
        self.uids: dict[int, str] = {}
        self.sides: dict[int, int] = {}

    def elements(self, end: int | None, *, depth: int) -> None:
        """Hash elements up to ``end``, an item's end, or the end of the file."""
        source = self._source
        if depth > _DEEPEST:
            raise BrokenHeader
        while source.at != end:
            if end is not None and source.at > end:
                raise BrokenHeader
            if depth == 0 and not source.peek(1):
                return
            head = _head(source, self.order, implicit=self._implicit)
            if head.tag == _ITEM_END and end is None and depth:
                return
            self._element(head, depth)

    def _element(self, head: _Head, depth: int) -> None:
        tag = head.tag.to_bytes(4, "big")
        if head.tag & 0xFFFF == 0 or head.tag == _PADDING:
            self._source.hand_on(head.length, lambda _: None)
        elif head.tag == _PIXEL_DATA and head.length == _UNDEFINED:
            self.hash(tag + b"fragments")
            self._fragments()
        elif head.length == _UNDEFINED or head.vr == b"SQ" or self._holds_items(head):
            self.hash(tag + b"items")
            self._items(head, depth)
            self.hash(b"end")
        else:
            self.hash(tag + head.length.to_bytes(4, "big"))
            if depth == 0 and head.tag in _TOLD and head.length <= _LONGEST_UID:
                value = self._source.take(head.length)
                self._tell(head.tag, value)
                self.hash(value)
            else:
                self._source.hand_on(head.length, self.hash)

    def _tell(self, tag: int, value: bytes) -> None:
        if tag in {_ROWS, _COLUMNS}:
            self.sides[tag] = int.from_bytes(value[:2], self.order)
        elif is_uid(text := value.decode("ascii", "replace").rstrip("\0 ")):
            self.uids[tag] = text

    def _holds_items(self, head: _Head) -> bool:
        return self._implicit and _is_sequence(head.tag)

    def _items(self, head: _Head, depth: int) -> None:
        end = None if head.length == _UNDEFINED else self._source.at + head.length
        # A sequence of unknown VR is implicit, whatever the data set is (PS3.5 6.2.2).
        outside = self._implicit
        self._implicit = outside or head.vr == b"UN"
        while end is None or self._source.at < end:
            item = _head(self._source, self.order, implicit=True)
            if item.tag == _SEQUENCE_END and end is None:
                break
            if item.tag != _ITEM:
                raise BrokenHeader
            self.hash(b"item")
            at = self._source.at
            ends = None if item.length == _UNDEFINED else at + item.length
            self.elements(ends, depth=depth + 1)
        self._implicit = outside

    def _fragments(self) -> None:
        while True:
            item = _head(self._source, self.order, implicit=True)
            if item.tag == _SEQUENCE_END:
                return
            if item.tag != _ITEM or item.length == _UNDEFINED:
                raise BrokenHeader
            self.hash(item.length.to_bytes(4, "big"))
            self._source.hand_on(item.length, self.hash)


@cache
def _is_sequence(tag: int) -> bool:
    """Whether the Standard says that an element without a VR is a sequence."""
    from pydicom.datadict import dictionary_VR  # noqa: PLC0415 - of few files, and large

    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False
