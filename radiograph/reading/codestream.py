"""What a compressed frame says of its own size, read without decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Claim(NamedTuple):
    """Size of a codestream."""

    rows: int
    columns: int
    samples: int


#: Frame headers SOF0 to SOF15 but for DHT, JPG and DAC (ITU T.81 table B.1), and JPEG-LS's SOF55.
_FRAMES = (frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
_SCAN = 0xDA


def jpeg_claim(stream: bytes) -> Claim | None:
    """Return the size of a JPEG or JPEG-LS stream; None where no frame header is found."""
    for marker, segment in _segments(stream):
        if marker in _FRAMES and len(segment) >= 6:
            rows = int.from_bytes(segment[1:3], "big")
            return Claim(rows, int.from_bytes(segment[3:5], "big"), segment[5])
    return None


def jpeg_has_marker(stream: bytes) -> bool:
    """Tell whether a JFIF or Adobe marker says what the components are."""
    return any(
        (marker == 0xE0 and segment.startswith(b"JFIF"))
        or (marker == 0xEE and segment.startswith(b"Adobe"))
        for marker, segment in _segments(stream)
    )


def jpeg2000_claim(stream: bytes) -> Claim | None:
    """Return the size by the SIZ marker, which comes first (ITU T.800 A.5.1)."""
    start = stream.find(b"\xff\x4f\xff\x51")
    siz = stream[start + 4 : start + 42]
    if start < 0 or len(siz) < 38:
        return None
    width, height, left, top = (int.from_bytes(siz[i : i + 4], "big") for i in (4, 8, 12, 16))
    return Claim(height - top, width - left, int.from_bytes(siz[36:38], "big"))


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the segments before the first scan (ITU T.81 B.1.1)."""
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        yield marker, stream[position + 4 : position + 2 + length]
        if marker == _SCAN:
            return
        position += 2 + max(length, 2)
