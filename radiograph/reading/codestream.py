"""What a compressed frame says of its own size, read before a decoder takes memory for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from radiograph.errors import UndecodablePixels

#: Every JPEG family ends with this marker, and it cannot occur in their entropy-coded data.
_END = b"\xff\xd9"
_J2K_START = b"\xff\x4f\xff\x51"
#: SOF0 to SOF15 without DHT, JPG and DAC, and JPEG-LS' own (T.81 table B.1, T.87 C.1.1).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_START_OF_SCAN = 0xDA


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Size of a compressed frame; ``bits`` is the precision of a sample."""

    rows: int
    columns: int
    components: int
    bits: int


def frame_size(frame: bytes) -> FrameSize:
    """Read the size of a JPEG, JPEG-LS or JPEG 2000 frame. Raises UndecodablePixels."""
    try:
        at = frame.find(_J2K_START, 0, 1024)  # behind the boxes of a JP2 file, if they were kept
        size = _jpeg2000(frame, at) if at >= 0 else _jpeg(frame)
    except (struct.error, IndexError) as exc:
        raise UndecodablePixels.because("the frame ends inside its header") from exc
    if _END not in frame:
        raise UndecodablePixels.because("the frame has no end")
    return size


def _jpeg2000(frame: bytes, at: int) -> FrameSize:
    """Read the SIZ segment (T.800 A.5.1)."""
    right, bottom, left, top = struct.unpack_from(">4I", frame, at + 8)
    components, precision = struct.unpack_from(">HB", frame, at + 40)
    return FrameSize(bottom - top, right - left, components, (precision & 0x7F) + 1)


def _jpeg(frame: bytes) -> FrameSize:
    """Read the frame header (T.81 B.2.2)."""
    if not frame.startswith(b"\xff\xd8"):
        raise UndecodablePixels.because("the frame is neither JPEG nor JPEG 2000")
    at = 2
    while True:
        if frame[at] != 0xFF:
            raise UndecodablePixels.because("no marker where the frame must have one")
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _FRAME_MARKERS:
            bits, rows, columns, components = struct.unpack_from(">BHHB", frame, at + 4)
            return FrameSize(rows, columns, components, bits)
        elif marker in _MARKERS_WITHOUT_LENGTH:
            at += 2
        elif marker == _START_OF_SCAN:
            raise UndecodablePixels.because("the frame has no header")
        else:
            at += 2 + int(struct.unpack_from(">H", frame, at + 2)[0])
