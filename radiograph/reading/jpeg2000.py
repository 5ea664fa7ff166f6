"""The resolution levels of a JPEG 2000 codestream (ITU T.800 annex A)."""

from __future__ import annotations

from typing import NamedTuple

_SOC_AND_SIZ = b"\xff\x4f\xff\x51"
_COD, _COC, _SOT = 0xFF52, 0xFF53, 0xFF90
#: Bit of the code-block style for high throughput (ITU T.814 A.4).
_HIGH_THROUGHPUT = 0x40


class Levels(NamedTuple):
    """Size and precision of a grey component. ``halvings``: its number of decomposition levels."""

    rows: int
    columns: int
    bits: int
    halvings: int


def jpeg2000_levels(stream: bytes) -> Levels | None:
    """Return the levels of a codestream of one unsigned component at the origin, else None.

    None for high throughput as well: only decoding reveals damaged blocks, so a file that cannot
    be decoded in full would be accepted if its finest blocks were skipped.
    """
    # Offsets: signature, length, capabilities, then the fields of SIZ (A.5.1).
    if not stream.startswith(_SOC_AND_SIZ) or len(stream) < 45:
        return None
    components, bits = _number(stream, 40, 2), stream[42] + 1  # the top bit is a sign
    at_origin = not any(stream[16:24]) and not any(stream[32:40])  # the image and its tiles
    if components != 1 or bits > 16 or stream[43:45] != b"\x01\x01" or not at_origin:
        return None
    halvings = _halvings(stream, 4 + _number(stream, 4, 2))
    rows, columns = _number(stream, 12, 4), _number(stream, 8, 4)
    return None if halvings is None else Levels(rows, columns, bits, halvings)


def _halvings(stream: bytes, position: int) -> int | None:
    """Return the decomposition levels in the COD marker after SIZ (A.6.1); None if not usable."""
    found = None
    while position + 13 <= len(stream):
        marker = _number(stream, position, 2)
        if marker == _SOT:
            return found
        if marker == _COC:  # this component has its own levels
            return None
        if marker == _COD:
            if stream[position + 12] & _HIGH_THROUGHPUT:
                return None
            found = stream[position + 9]
        position += 2 + max(_number(stream, position + 2, 2), 2)
    return None


def _number(stream: bytes, position: int, size: int) -> int:
    return int.from_bytes(stream[position : position + size], "big")
