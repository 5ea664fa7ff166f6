"""A valid image to test the reading processes with when several files in a row fail."""

from __future__ import annotations

import hashlib
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.records import ClaimedJob
from radiograph.records import ImageFormat

_SIDE_PX = 256


def sample_png(side_px: int = _SIDE_PX) -> bytes:
    """Return a grey ramp as a PNG of 8 bits (PNG specification, sections 5 and 11)."""
    row = bytes(x * 255 // (side_px - 1) for x in range(side_px))
    pixels = b"".join(b"\0" + row for _ in range(side_px))  # each row: filter 0, then its samples
    header = struct.pack("!IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@contextmanager
def sample_job(side_px: int) -> Iterator[ClaimedJob]:
    """Write the sample to a temporary file and yield a job for it, which is in no database."""
    content = sample_png(max(side_px, _SIDE_PX))
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(content)
        file.flush()
        yield ClaimedJob(
            job_id=0,
            radiograph_id=0,
            paths=(str(Path(file.name).resolve()),),
            sha256=hashlib.sha256(content).hexdigest(),
            format=ImageFormat.PNG,
            attempt=1,
        )
