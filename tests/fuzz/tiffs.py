"""TIFFs with wrong directories: sides, depths, offsets and counts."""

from __future__ import annotations

import functools
import io
import struct
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz.radiographs import valid_files

_SIDES = (0, 1, 127, 192, 193, 4096, 9999, 65535, (1 << 31) - 1, (1 << 32) - 1)
_COMPRESSIONS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34925, 50000, 65000)


def lying_tiff(random: Random) -> bytes:
    """Change entries of the directory: types, counts, values."""
    content = bytearray(valid_files()["tiff"])
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for _ in range(random.choice((1, 1, 2, 5))):
        entry = start + 2 + 12 * random.randrange(count)
        (tag,) = struct.unpack_from("<H", content, entry)
        part = random.random()
        if part < 0.15:
            struct.pack_into("<H", content, entry + 2, random.choice((0, 1, 3, 4, 5, 11, 12, 16)))
        elif part < 0.3:
            struct.pack_into("<I", content, entry + 4, random.choice(_SIDES))
        elif tag == 259:  # Compression
            struct.pack_into("<I", content, entry + 8, random.choice(_COMPRESSIONS))
        else:
            struct.pack_into("<I", content, entry + 8, random.choice(_SIDES))
    return bytes(content)


def looping_tiff(random: Random) -> bytes:
    """Link a directory to itself, or give it sixty thousand entries."""
    content = bytearray(valid_files()["tiff"])
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    if random.random() < 0.5:
        struct.pack_into("<I", content, start + 2 + 12 * count, random.choice((start, 4, 8)))
        return bytes(content)
    entries = random.choice((2000, 65535))
    first = content[start + 2 : start + 14]
    struct.pack_into("<I", content, 4, len(content))
    return bytes(content) + struct.pack("<H", entries) + bytes(first) * entries + bytes(4)


def tiff_bomb(random: Random) -> bytes:
    """Compress up to a hundred megapixels of zeros into kilobytes."""
    return _bomb(random.choice((3000, 9900)), random.choice(("tiff_adobe_deflate", "tiff_lzw")))


@functools.cache
def _bomb(side: int, compression: str) -> bytes:
    buffer = io.BytesIO()
    picture = np.zeros((side, side), np.uint16)
    picture[side // 2 :] = 9
    Image.fromarray(picture).save(buffer, "TIFF", compression=compression)
    return buffer.getvalue()
