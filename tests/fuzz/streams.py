"""Compressed frames that are damaged, contradict their header, or decompress to far too much.

Random damage to a whole file mostly affects its header; here only the frame is damaged, so that the
damage reaches the decoder.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from random import Random

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import UID

from tests.fuzz.damage import ALL
from tests.fuzz.radiographs import valid_files

COMPRESSED = (
    *("JPEGBaseline8Bit", "JPEGLosslessSV1", "JPEGLSLossless", "JPEG2000Lossless"),
    *("HTJ2KLossless", "RLELossless"),
)
_PIXELS = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def damaged_stream(random: Random) -> bytes:
    """Damage a frame, mostly its first bytes, and nothing else of the file."""
    name = random.choice(COMPRESSED)
    before, stream = _taken_apart(name)
    head = random.choice((60, 300, len(stream)))
    damaged, rest = stream[:head], stream[head:]
    for _ in range(random.choice((1, 1, 2))):
        damaged = random.choice(ALL)(damaged, random) or b"\0"
    if random.random() < 0.5 and not (damaged + rest).endswith(b"\xff\xd9"):
        rest += b"\xff\xd9"
    return before + _wrapped([damaged + rest])


def damaged_segment(random: Random) -> bytes:
    """Change numbers in the marker segments by which a decoder allocates memory."""
    name = random.choice([each for each in COMPRESSED if each != "RLELossless"])
    before, stream = _taken_apart(name)
    changed = bytearray(stream)
    start = 2
    for _ in range(random.choice((1, 2, 4))):
        place = random.randrange(start, min(len(changed) - 4, 250))
        size = random.choice((1, 1, 2, 4))
        value = random.choice((0, 1, 2, 31, 32, 33, 127, 255, 256, 65535, (1 << 32) - 1))
        changed[place : place + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "big")
    return before + _wrapped([bytes(changed)])


def strange_fragments(random: Random) -> bytes:
    """Split a frame into fragments that match no offset table."""
    before, stream = _taken_apart(random.choice(COMPRESSED))
    count = random.choice((1, 2, 7, 400))
    size = max(2, len(stream) // count)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    if random.random() < 0.4:
        pieces[random.randrange(len(pieces))] = random.choice((b"", b"\xff\xd9", stream[:100]))
    table = random.choice(
        (
            b"",
            struct.pack("<I", 0),
            struct.pack("<II", 0, 2**31),
            struct.pack("<I", 0xFFFFFFFE),
            struct.pack("<3I", 9, 4, 1),
            b"\1\2\3",
        )
    )
    wrapped = bytearray(_wrapped(pieces, table))
    if random.random() < 0.4:  # the length of an item
        value = random.choice((0, 1, 0xFFFFFFFF, 0xFFFFFFFE, 1 << 24))
        struct.pack_into("<I", wrapped, random.choice((16, 24 + len(table))), value)
    end = random.choice((b"", b"", _END, b"\xfe\xff\x0d\xe0\0\0\0\0"))
    return before + bytes(wrapped[: -len(_END)]) + end


def stream_bomb(random: Random) -> bytes:
    """Compress a uniform image of many megapixels into kilobytes, header and frame agreeing."""
    name = random.choice(("JPEG2000Lossless", "JPEGLSLossless", "RLELossless", "JPEGBaseline8Bit"))
    side = random.choice((2000, 5000, 9900, 12000))
    return _file(name, side, _even(name, side), bits=8)


def agreed_claim(random: Random) -> bytes:
    """Declare a large image in header and frame, with the pixels of a small one."""
    name = random.choice(
        ("JPEG2000Lossless", "HTJ2KLossless", "JPEGLSLossless", "JPEGBaseline8Bit")
    )
    _, stream = _taken_apart(name)
    side = random.choice((193, 3000, 9999))
    changed = bytearray(stream)
    if "2K" in name or "2000" in name:
        at = stream.index(b"\xff\x51") + 6
        struct.pack_into(">II", changed, at, side, side)
        if random.random() < 0.7:  # tiles: one, or as many as possible
            tile = random.choice((side, 40, 1))
            struct.pack_into(">II", changed, at + 16, tile, tile)
    else:
        frame = stream.index(b"\xff\xf7" if "LS" in name else b"\xff\xc0")
        struct.pack_into(">HH", changed, frame + 5, side, side)
    return _file(name, side, bytes(changed), bits=8 if name == "JPEGBaseline8Bit" else 16)


def many_scans(random: Random) -> bytes:
    """Repeat a scan of a progressive JPEG: each one processes the whole image again."""
    side = random.choice((192, 2000, 6000))
    stream = _progressive(side)
    start = stream.rindex(b"\xff\xda")
    stream = stream[:start] + stream[start:-2] * random.choice((50, 2000)) + b"\xff\xd9"
    return stream if random.random() < 0.5 else _file("JPEGBaseline8Bit", side, stream, bits=8)


def small_precincts(random: Random) -> bytes:
    """Use the most overhead per pixel in JPEG 2000: precincts and blocks of a few pixels."""
    stream = bytearray(_blocks(random.choice((512, 2000))))
    side = struct.unpack_from(">I", stream, stream.index(b"\xff\x51") + 6)[0]
    at = stream.index(b"\xff\x52")  # COD (T.800 A.6.1)
    if random.random() < 0.6:
        struct.pack_into(">H", stream, at + 6, random.choice((1, 255, 65535)))  # layers
        stream[at + 9] = random.choice((0, 5, 32))  # levels
        stream[at + 10 : at + 12] = bytes((random.choice((0, 4, 8)), random.choice((0, 4, 8))))
    return _file("JPEG2000Lossless", side, bytes(stream), bits=8)


@functools.cache
def _taken_apart(name: str) -> tuple[bytes, bytes]:
    """Return a file up to its pixels, and its frame."""
    content = valid_files()[name]
    start = content.index(_PIXELS)
    return content[:start], get_frame(dcmread(io.BytesIO(content)).PixelData, 0)


def _wrapped(pieces: list[bytes], table: bytes = b"") -> bytes:
    """Return the element PixelData of fragments (PS3.5 A.4)."""
    items = [_item(table), *(_item(each + b"\0" * (len(each) % 2)) for each in pieces)]
    return _PIXELS + b"".join(items) + _END


def _item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def _file(name: str, side: int, stream: bytes, *, bits: int) -> bytes:
    before, _ = _taken_apart(name)
    dataset: Dataset = dcmread(io.BytesIO(before), force=True)
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated = bits
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.file_meta.TransferSyntaxUID = UID(dataset.file_meta.TransferSyntaxUID)
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue() + _wrapped([stream])


@functools.cache
def _even(name: str, side: int) -> bytes:
    """Return an image of two values, which compresses to almost nothing."""
    picture = np.zeros((side, side), np.uint8)
    picture[side // 2 :] = 9
    if name == "RLELossless":
        row = b"".join(bytes((257 - min(128, side - at), 0)) for at in range(0, side, 128))
        other = b"".join(bytes((257 - min(128, side - at), 9)) for at in range(0, side, 128))
        packed = row * (side // 2) + other * (side - side // 2)
        return struct.pack("<16I", 1, 64, *([0] * 14)) + packed + b"\0" * (len(packed) % 2)
    encoders: dict[str, Callable[[], bytes | bytearray]] = {
        "JPEG2000Lossless": lambda: imagecodecs.jpeg2k_encode(
            picture, codecformat="J2K", reversible=True, numthreads=1
        ),
        "JPEGLSLossless": lambda: imagecodecs.jpegls_encode(picture),
        "JPEGBaseline8Bit": lambda: imagecodecs.jpeg8_encode(picture, level=50),
    }
    return bytes(encoders[name]())


@functools.cache
def _progressive(side: int) -> bytes:
    buffer = io.BytesIO()
    picture = np.zeros((side, side), np.uint8)
    picture[side // 2 :] = 120
    Image.fromarray(picture).save(buffer, "JPEG", progressive=True, quality=40)
    return buffer.getvalue()


@functools.cache
def _blocks(side: int) -> bytes:
    buffer = io.BytesIO()
    picture = np.zeros((side, side), np.uint8)
    picture[side // 2 :] = 120
    Image.fromarray(picture).save(
        buffer,
        "JPEG2000",
        no_jp2=True,
        irreversible=False,
        codeblock_size=(4, 4),
        precinct_size=(8, 8),
        num_resolutions=4,
    )
    return buffer.getvalue()
