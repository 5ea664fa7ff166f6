"""Images that are bombs, declare a wrong size or are not images."""

from __future__ import annotations

import functools
import gzip
import io
import struct
import zipfile
import zlib
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz.radiographs import PATIENT, valid_files

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDES = (0, 1, 127, 128, 4096, 65535, 1 << 20, (1 << 31) - 1, (1 << 32) - 1)


def lying_png(random: Random) -> bytes:
    """Declare sides, depths and colours unlike the pixels, with a correct checksum."""
    content = valid_files()["png8"]
    sides = struct.pack(">II", random.choice(_SIDES), random.choice(_SIDES))
    rest = bytes(
        (
            random.choice((1, 2, 4, 8, 16, 3)),
            random.choice((0, 2, 3, 4, 6, 7)),
            0,
            0,
            random.choice((0, 1)),
        )
    )
    return _SIGNATURE + _chunk(b"IHDR", sides + rest) + content[33:]


@functools.cache
def _bomb(side: int) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return _SIGNATURE + head + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def png_bomb(random: Random) -> bytes:
    """Compress a hundred million pixels, or somewhat more, into a hundred kilobytes."""
    return _bomb(random.choice((4000, 9990, 12000))) + random.randbytes(4)


def text_bomb(random: Random) -> bytes:
    """Hide a text of hundreds of megabytes in a valid image."""
    content = valid_files()["png8"]
    packed = zlib.compress(bytes(random.choice((1 << 20, 1 << 28))), 9)
    kind = random.choice((b"zTXt", b"iTXt", b"iCCP"))
    body = b"Comment\0" + (b"\1\0\0\0" if kind == b"iTXt" else b"\0") + packed
    return content[:33] + _chunk(kind, body) + content[33:]


def wrong_checksum(random: Random) -> bytes:
    """Keep the pixels and damage their checksum."""
    content = bytearray(valid_files()["png16"])
    content[-16 - random.randrange(4)] ^= 0xFF
    return bytes(content)


def lying_jpeg(random: Random) -> bytes:
    """Declare other sides, depths and components in a JPEG's frame."""
    content = bytearray(valid_files()["jpeg"])
    frame = content.index(b"\xff\xc0")
    struct.pack_into(
        ">BHHB",
        content,
        frame + 4,
        random.choice((8, 12, 16, 2)),
        random.choice((0, 1, 192, 65535)),
        random.choice((0, 1, 192, 65535)),
        random.choice((0, 1, 3, 4, 255)),
    )
    if random.random() < 0.3:
        content[frame + 1] = random.choice((0xC1, 0xC2, 0xC3, 0xC5, 0xC9))
    return bytes(content)


def lying_codestream(random: Random) -> bytes:
    """Declare an enormous image in a JPEG 2000 or JPEG-LS stream within DICOM."""
    if random.random() < 0.6:
        content = bytearray(valid_files()[random.choice(("JPEG2000Lossless", "HTJ2KLossless"))])
        size = content.index(b"\xff\x51")
        for position in random.sample(range(8), random.choice((1, 2, 8))):
            struct.pack_into(">I", content, size + 6 + 4 * position, random.choice(_SIDES))
    else:
        content = bytearray(valid_files()["JPEGLSLossless"])
        frame = content.index(b"\xff\xf7")
        struct.pack_into(">HH", content, frame + 5, random.choice((1, 65535)), 65535)
    return bytes(content)


def colours(random: Random) -> bytes:
    """Return a valid image that is not grey: colours, palettes, animations, transparency."""
    side = random.choice((1, 130, 192))
    noise = np.frombuffer(random.randbytes(side * side * 4), np.uint8).reshape(side, side, 4)
    modes = {"PNG": ("RGBA", "P", "LA", "1", "I;16"), "JPEG": ("CMYK", "RGB", "L")}
    modes |= {"TIFF": ("CMYK", "F", "RGBA", "1"), "BMP": ("RGB", "L"), "GIF": ("P",)}
    modes |= {"WEBP": ("RGB",), "PPM": ("RGB", "L"), "ICO": ("RGBA",)}
    kind = random.choice(sorted(modes))
    mode = random.choice(modes[kind])
    image = Image.fromarray(noise, "CMYK") if mode == "CMYK" else Image.fromarray(noise)
    if mode not in {"CMYK", "RGBA"}:
        image = image.convert("L").convert(mode)
    buffer = io.BytesIO()
    frames = random.choice((1, 1, 30))
    many = kind in {"GIF", "TIFF", "PNG", "WEBP"} and frames > 1 and mode != "I;16"
    options = {"save_all": True, "append_images": [image] * frames} if many else {}
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def strange_exif(random: Random) -> bytes:
    """Add an EXIF block with invalid offsets or orientation to a JPEG."""
    content = valid_files()["jpeg"]
    exif = Image.Exif()
    exif[0x0112] = random.choice((0, 2, 3, 5, 7, 8, 9, 65535))
    block = bytearray(exif.tobytes())
    if random.random() < 0.6:
        for _ in range(4):
            block[random.randrange(len(block))] = random.randrange(256)
        block += random.randbytes(random.choice((0, 1, 5000)))
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


def something_else(random: Random) -> bytes:
    """Return something else than an image: a page, an archive, a report, nothing, noise."""
    text = f"<html><title>Session expired</title>{random.random()} {PATIENT}</html>".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.dcm", valid_files()["ExplicitVRLittleEndian"])
    return random.choice(
        (
            *(b"", text, packed.getvalue(), gzip.compress(valid_files()["png8"], mtime=0)),
            *(b"%PDF-1.7\n" + random.randbytes(50), b'{"patient": "none"}', b"\xef\xbb\xbf" + text),
            *(
                random.randbytes(random.choice((1, 100, 5000))),
                b"\0" * random.choice((1, 128, 9999)),
            ),
            *(
                b"DICM",
                b"\0" * 128 + b"DICM",
                b"#!/bin/sh\nexit 0\n",
                b"\x7fELF" + random.randbytes(90),
            ),
            *(_SIGNATURE, b"\xff\xd8\xff", b"II*\0", b"II*\0\x08\0\0\0\xff\xff" + bytes(40)),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
