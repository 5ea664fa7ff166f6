"""What a JPEG 2000 codestream says of the sizes it holds (ITU T.800 annex A)."""

from __future__ import annotations

from typing import NamedTuple

_SOC_AND_SIZ = b"\xff\x4f\xff\x51"
_COD, _COC, _SOT = 0xFF52, 0xFF53, 0xFF90


class Levels(NamedTuple):
    """A single grey component. ``halvings``: how often its wavelets halve it."""

    rows: int
    columns: int
    bits: int
    halvings: int


def jpeg2000_levels(stream: bytes) -> Levels | None:
    """Return the levels of a codestream of one unsigned component at the origin, else None."""
    # Signature, length, capabilities; then SIZ (A.5.1) from its sizes to its first component.
    if not stream.startswith(_SOC_AND_SIZ) or len(stream) < 45:
        return None
    columns, rows = _number(stream, 8, 4), _number(stream, 12, 4)
    components, bits = _number(stream, 40, 2), stream[42] + 1
    if any(stream[16:24]) or any(stream[32:40]):  # offsets of the image and of its tiles
        return None
    if components != 1 or bits > 16 or stream[43:45] != b"\x01\x01":  # the top bit is a sign
        return None
    position, halvings = 4 + _number(stream, 4, 2), None
    while position + 10 <= len(stream):
        marker = _number(stream, position, 2)
        if marker == _SOT:
            return None if halvings is None else Levels(rows, columns, bits, halvings)
        if marker == _COC:  # a component with levels of its own
            return None
        if marker == _COD:
            halvings = stream[position + 9]  # A.6.1
        position += 2 + max(_number(stream, position + 2, 2), 2)
    return None


def _number(stream: bytes, position: int, size: int) -> int:
    return int.from_bytes(stream[position : position + size], "big")
