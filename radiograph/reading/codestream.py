"""Size, precision and completeness of a compressed frame, without decoding it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class ClaimedSize(NamedTuple):
    """Size of a codestream."""

    rows: int
    columns: int
    samples: int


class JpegFrame(NamedTuple):
    """A frame header (ITU T.81 B.2.2, T.87 C.2.2). ``bits``: the precision of its samples."""

    marker: int
    bits: int
    claim: ClaimedSize


class Jpeg2000Samples(NamedTuple):
    """Precision and signedness of the first component in the SIZ marker (ITU T.800 A.5.1)."""

    bits: int
    signed: bool


#: Frame headers SOF0 to SOF15 without DHT, JPG and DAC (ITU T.81 table B.1), and JPEG-LS's SOF55.
JPEG_LS_FRAME = 0xF7
_FRAMES = (frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {JPEG_LS_FRAME}
#: SOF0 to SOF2: baseline, extended and progressive.
_HUFFMAN_DCT = (0xC0, 0xC1, 0xC2)
_SCAN, _END = 0xDA, 0xD9
#: Markers that may follow a scan: DHT, DAC, SOS, DQT, DNL, DRI, APPn, COM.
_BETWEEN_SCANS = frozenset({0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
#: In entropy-coded data 0xFF is stuffed with a zero, or starts a restart marker (T.81 B.1.1.5).
#: Of several 0xFF the last one counts; matching them all would be quadratic in a long run.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_FILL = re.compile(rb"\xff*")
#: In packets no byte above 0x8F follows 0xFF, except in SOP and EPH (T.800 A.1.1, A.8).
_JPEG2000_INTRUDER = re.compile(rb"\xff[\x90\x93-\xff]")
_SOC, _SOT, _SOD = b"\xff\x4f\xff\x51", b"\xff\x90", b"\xff\x93"
#: End of the stream in every JPEG family; it cannot occur in their data.
_EOI = b"\xff\xd9"
NO_END, _NOISE, _TOO_MANY = "no end", "noise", "too many scans"
#: A progressive JPEG has about ten; decoding each costs a pass over the image, however short.
_MOST_SCANS = 100


def jpeg_claim(stream: bytes) -> ClaimedSize | None:
    """Return the size of a JPEG or JPEG-LS stream; None without a frame header."""
    frame = jpeg_frame(stream)
    return None if frame is None else frame.claim


def jpeg_frame(stream: bytes) -> JpegFrame | None:
    """Return the frame header of a JPEG or JPEG-LS stream; None if absent."""
    for marker, segment in _segments(stream):
        if marker in _FRAMES and len(segment) >= 6:
            rows, columns = (int.from_bytes(segment[at : at + 2], "big") for at in (1, 3))
            return JpegFrame(marker, segment[0], ClaimedSize(rows, columns, segment[5]))
    return None


def jpeg_is_scalable(stream: bytes) -> bool:
    """Return whether a JPEG is a Huffman-coded DCT of 8 bits: baseline, extended or progressive."""
    frames = ((mark, segment[:1]) for mark, segment in _segments(stream) if mark in _FRAMES)
    return next(frames, None) in {(mark, b"\x08") for mark in _HUFFMAN_DCT}


def jpeg_has_marker(stream: bytes) -> bool:
    """Return whether a JFIF or Adobe marker states what the components are."""
    return any(
        (marker == 0xE0 and segment.startswith(b"JFIF"))
        or (marker == 0xEE and segment.startswith(b"Adobe"))
        for marker, segment in _segments(stream)
    )


def jpeg_exif(stream: bytes) -> bytes:
    """Return the EXIF of a JPEG, empty if absent (EXIF 2.32 4.5.4)."""
    segments = (segment for marker, segment in _segments(stream) if marker == 0xE1)
    return next((each for each in segments if each.startswith(b"Exif\0\0")), b"")


def jpeg_fault(stream: bytes) -> str | None:
    """Return the fault of a JPEG stream; None if it is complete."""
    if not stream.startswith(b"\xff\xd8"):
        return _NOISE
    position = next((end for marker, _, end in _walk(stream) if marker == _SCAN), None)
    scans = 1
    while position is not None:
        found = _JPEG_MARKER.search(stream, position)
        if found is None:
            return NO_END
        marker = found[1][0]
        if marker == _END:
            return None
        if marker not in _BETWEEN_SCANS:
            return _NOISE
        scans += marker == _SCAN
        if scans > _MOST_SCANS:
            return _TOO_MANY
        position = found.end() + int.from_bytes(stream[found.end() : found.end() + 2], "big")
    return _NOISE if _EOI in stream else NO_END


def jpeg_ls_fault(stream: bytes) -> str | None:
    """Return the fault of a JPEG-LS stream that its decoder would not report; None if complete."""
    return None if _EOI in stream else NO_END


def jpeg2000_claim(stream: bytes) -> ClaimedSize | None:
    """Return the size in the SIZ marker, which is the first one (ITU T.800 A.5.1)."""
    start = stream.find(_SOC)
    siz = stream[start + 4 : start + 42]
    if start < 0 or len(siz) < 38:
        return None
    width, height, left, top = (int.from_bytes(siz[i : i + 4], "big") for i in (4, 8, 12, 16))
    return ClaimedSize(height - top, width - left, int.from_bytes(siz[36:38], "big"))


def jpeg2000_samples(stream: bytes) -> Jpeg2000Samples | None:
    """Return precision and signedness of a codestream's samples."""
    start = stream.find(_SOC)
    if start < 0 or len(stream) < start + 43:
        return None
    return Jpeg2000Samples((stream[start + 42] & 0x7F) + 1, bool(stream[start + 42] & 0x80))


def jpeg2000_fault(stream: bytes) -> str | None:
    """Return the fault of a JPEG 2000 codestream; None if it is complete."""
    if _SOC not in stream:
        return _NOISE
    part = stream.find(_SOT)
    while part >= 0 and stream[part : part + 2] == _SOT:
        length = int.from_bytes(stream[part + 6 : part + 10], "big")
        end = part + length if length else stream.rfind(_EOI)  # 0: until the end (A.4.2)
        data = stream.find(_SOD, part + 12) + 2
        if data < 2 or end < data or end + 2 > len(stream):
            return NO_END
        if _JPEG2000_INTRUDER.search(stream, data, end):
            return _NOISE
        part = end
    if part >= 0 and stream[part : part + 2] == _EOI:
        return None
    return _NOISE if _EOI in stream else NO_END


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    return ((marker, segment) for marker, segment, _ in _walk(stream))


def _walk(stream: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, content and end of the segments before the first scan (ITU T.81 B.1.1)."""
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF:
            fill = _FILL.match(stream, position)
            position = fill.end() - 1 if fill else position
            continue
        end = position + 2 + max(int.from_bytes(stream[position + 2 : position + 4], "big"), 2)
        yield marker, stream[position + 4 : end], end
        if marker == _SCAN:
            return
        position = end
