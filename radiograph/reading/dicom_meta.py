"""The file meta information, the start of the data set, and the encoding of its elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

_PREFIX_AT, _BEGIN = 128, 132
_META_GROUP, _SYNTAX = 2, 0x0002_0010
#: VRs with a length of two bytes; all others, those of later editions too, have two reserved bytes
#: and a length of four (PS3.5 7.1.2).
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_UNDEFINED = 0xFFFFFFFF
#: Item, item delimitation and sequence delimitation (PS3.5 7.5): a tag and a length, no VR.
_DELIMITERS = frozenset({0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD})
_PIXEL_GROUP = 0x7FE0
_STANDARD_UIDS = "1.2.840.10008.1.2"

Order = Literal["little", "big"]


class Encoding(NamedTuple):
    """Encoding of the elements."""

    implicit: bool
    little_endian: bool

    @property
    def order(self) -> Order:
        """Return the byte order as `int.from_bytes` names it."""
        return "little" if self.little_endian else "big"


@dataclass(frozen=True, slots=True)
class FileMeta:
    """The file meta information, PS3.10 7.1. ``start``: offset of the data set."""

    syntax: str | None
    start: int

    @property
    def deflated(self) -> bool:
        """Return whether the data set is deflated."""
        return self.syntax == DeflatedExplicitVRLittleEndian

    @property
    def encoding(self) -> Encoding | None:
        """Return the encoding of the transfer syntax; None if absent or private.

        All compressed syntaxes of the Standard are explicit and little endian (PS3.5 A.4).
        """
        if self.syntax is None or not self.syntax.startswith(_STANDARD_UIDS):
            return None
        return Encoding(
            implicit=self.syntax == ImplicitVRLittleEndian,
            little_endian=self.syntax != ExplicitVRBigEndian,
        )


def file_meta(data: bytes) -> FileMeta:
    """Return the file meta information, by walking the elements of group 2.

    The group length is not used, because it is often wrong.
    """
    position = _BEGIN if data[_PREFIX_AT:_BEGIN] == b"DICM" else 0
    syntax = None
    encoding = element_encoding(data, position)
    while encoding is not None:
        element = _element(data, position, encoding)
        if element is None or element.tag >> 16 != _META_GROUP:
            break
        if element.tag == _SYNTAX:
            value = data[element.start : element.end].decode("ascii", "replace")
            syntax = value.strip("\0 ") or None
        position = element.end
    return FileMeta(syntax, min(position, len(data)))


def element_encoding(data: bytes, position: int) -> Encoding | None:
    """Return the encoding of the elements at ``position``, from the first one; None at the end.

    Groups ascend from 2 or 8, so of the two byte orders of a group number the smaller is right. A
    length that looks like two capital letters would be 16 kB or more, too long for a first element.
    """
    first = data[position : position + 8]
    if len(first) < 8:
        return None
    little, big = (int.from_bytes(first[:2], order) for order in ("little", "big"))
    return Encoding(implicit=not _is_vr(first[4:6]), little_endian=little <= big)


def with_known_vrs(data: bytes, start: int, encoding: Encoding) -> bytes:
    """Return the file with VRs of later editions replaced by UN, whose encoding is the same.

    pydicom reads unknown VRs as short ones. Elements at every depth are walked, up to the pixels;
    ``data`` itself is returned if there are none.
    """
    if encoding.implicit:
        return data
    unknown: list[int] = []
    position = start
    while (element := _element(data, position, encoding)) is not None:
        if element.tag >> 16 == _PIXEL_GROUP and element.length == _UNDEFINED:
            break  # fragments, not elements
        if element.unknown:
            unknown.append(position + 4)
        enters = element.vr == b"SQ" or element.tag in _DELIMITERS
        position = element.start if enters else element.end
    if not unknown:
        return data
    changed = bytearray(data)
    for each in unknown:
        changed[each : each + 2] = b"UN"
    return bytes(changed)


class _Element(NamedTuple):
    """``end``: of the value. ``unknown``: a VR of a later edition, in the long form."""

    tag: int
    vr: bytes
    length: int
    start: int
    end: int
    unknown: bool


def _element(data: bytes, position: int, encoding: Encoding) -> _Element | None:
    """Return the element at ``position``; None if the file ends before it."""
    head = data[position : position + 12]
    if len(head) < 8:
        return None
    order = encoding.order
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    vr, unknown = head[4:6], False
    if encoding.implicit or tag in _DELIMITERS or not _is_vr(vr):
        size, length = 8, int.from_bytes(head[4:8], order)
        vr = b""
    elif vr in SHORT_VRS:
        size, length = 8, int.from_bytes(head[6:8], order)
    else:
        size, length = 12, int.from_bytes(head[8:12], order)
        unknown = vr not in _LONG_VRS
        fits = length == _UNDEFINED or position + size + length <= len(data)
        if unknown and (head[6:8] != b"\0\0" or not fits):
            # Contrary to the Standard: a private VR with a short length.
            size, length, unknown = 8, int.from_bytes(head[6:8], order), False
    start = position + size
    return _Element(
        tag, vr, length, start, start + (0 if length == _UNDEFINED else length), unknown
    )


def _is_vr(letters: bytes) -> bool:
    return len(letters) == 2 and all(0x41 <= each <= 0x5A for each in letters)
