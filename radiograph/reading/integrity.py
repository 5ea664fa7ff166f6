"""Completeness of PNG, JPEG and TIFF files, checked without decoding.

Some decoders of Pillow return pixels for corrupt data, so this is checked first.
"""

from __future__ import annotations

import struct
import zlib

from radiograph.errors import TruncatedFile, UndecodablePixels
from radiograph.reading.codestream import (
    JPEG_LS_FRAME,
    NO_END,
    jpeg_fault,
    jpeg_frame,
    jpeg_ls_fault,
)


def intact_png(data: bytes) -> bytes:
    """Return a PNG without ancillary chunks that have a wrong CRC.

    Such a chunk (a text or a time) is dropped; all critical chunks, whose names begin with a
    capital letter (PNG 5.4), must be intact. Raises TruncatedFile,
    UndecodablePixels.
    """
    position = 8
    damaged: list[tuple[int, int]] = []
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        kind = data[position + 4 : position + 8]
        found = zlib.crc32(memoryview(data)[position + 4 : end])
        if found != int.from_bytes(data[end : end + 4], "big"):
            if not kind.isalpha() or kind[:1].isupper():
                raise UndecodablePixels.because("a chunk with a wrong CRC")
            damaged.append((position, end + 4))
        if kind == b"IEND":
            return _without(data, damaged)
        position = end + 4
    raise TruncatedFile


def _without(data: bytes, parts: list[tuple[int, int]]) -> bytes:
    edges = [0, *(edge for part in parts for edge in part), len(data)]
    kept = zip(edges[::2], edges[1::2], strict=True)
    return b"".join(data[start:end] for start, end in kept) if parts else data


def check_jpeg(data: bytes) -> None:
    """Check markers up to the end. Raises TruncatedFile, UndecodablePixels."""
    frame = jpeg_frame(data)
    of_ls = frame is not None and frame.marker == JPEG_LS_FRAME
    fault = jpeg_ls_fault(data) if of_ls else jpeg_fault(data)
    if fault == NO_END:
        raise TruncatedFile
    if fault is not None:
        raise UndecodablePixels.because(fault)


def check_tiff(data: bytes) -> None:
    """Check that the first directory is within the file (TIFF 6.0 section 2).

    Raises TruncatedFile.
    """
    order = "<" if data.startswith(b"II") else ">"
    big = data[2:4] in {b"+\x00", b"\x00+"}  # BigTIFF: everything twice as wide
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)
        (entries,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)
    except struct.error as exc:
        raise TruncatedFile from exc
    if start + entries * (20 if big else 12) > len(data):
        raise TruncatedFile
