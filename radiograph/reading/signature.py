"""The codec of a compressed frame, by its first bytes."""

from __future__ import annotations

from enum import Enum

from radiograph.reading.codestream import JPEG_LS_FRAME, jpeg_frame

_RLE = "1.2.840.10008.1.2.5"
_JPEG_PREFIX = "1.2.840.10008.1.2.4."
_SOI, _SOC = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
#: First box of a JP2 file (ITU T.800 I.5.1).
_JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_SOF_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
#: RLE header, PS3.5 G.5: a count and fifteen offsets; the first offset is the end of the header.
_RLE_HEADER, _MOST_SEGMENTS = 64, 15
#: Bytes of profiles and thumbnails searched for a JPEG's frame header.
_MOST_BEFORE_FRAME = 1 << 20


class Signature(Enum):
    """A family of codecs, with the ends of its transfer syntaxes' UIDs (PS3.6 table A-1)."""

    JPEG = ("50", "51", "53", "55")
    JPEG_LOSSLESS = ("57", "70")
    JPEG_LS = ("80", "81")
    JPEG_2000 = ("90", "91", "201", "202", "203")
    RLE = ()

    @property
    def magic(self) -> bool:
        """Return whether its first bytes cannot occur elsewhere in a stream."""
        return self is not Signature.RLE


def signature_of(frame: bytes | memoryview) -> Signature | None:
    """Return the codec by the first bytes of a frame; None if unknown."""
    head = bytes(frame[:_RLE_HEADER])
    if head.startswith(_SOI):
        return _jpeg(bytes(frame[:_MOST_BEFORE_FRAME]))
    if head.startswith((_SOC, _JP2)):
        return Signature.JPEG_2000
    return Signature.RLE if _is_rle(head, len(frame)) else None


def syntax_signature(transfer_syntax: str | None) -> Signature | None:
    """Return the codec of a transfer syntax; None if uncompressed or unknown."""
    if transfer_syntax == _RLE:
        return Signature.RLE
    prefix, end = (transfer_syntax or "")[: len(_JPEG_PREFIX)], (transfer_syntax or "")[20:]
    found = (each for each in Signature if prefix == _JPEG_PREFIX and end in each.value)
    return next(found, None)


def _jpeg(frame: bytes) -> Signature | None:
    found = jpeg_frame(frame)
    if found is None:
        return None
    if found.marker == JPEG_LS_FRAME:
        return Signature.JPEG_LS
    return Signature.JPEG_LOSSLESS if found.marker in _SOF_LOSSLESS else Signature.JPEG


def _is_rle(head: bytes, length: int) -> bool:
    if len(head) < _RLE_HEADER:
        return False
    count, *offsets = (int.from_bytes(head[at : at + 4], "little") for at in range(0, 64, 4))
    if not 1 <= count <= _MOST_SEGMENTS:
        return False
    used, unused = offsets[:count], offsets[count:]
    return (
        used[0] == _RLE_HEADER
        and used == sorted(set(used))
        and used[-1] < length
        and not any(unused)
    )
