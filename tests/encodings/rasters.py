"""The chest as PNG and JPEG: bits, colours, alpha, interlacing, precision."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import product

import imagecodecs
import numpy as np
from PIL import Image

from radiograph.errors import UndecodablePixels
from radiograph.reading.orientation import exif_turn
from tests.encodings.chest import Values, chest, shades
from tests.encodings.colour import saved
from tests.encodings.encoding import Encoding

_CHANNELS = {
    "grey": (0, 1),
    "colour": (2, 3),
    "grey with alpha": (4, 2),
    "colour with alpha": (6, 4),
}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encodings() -> Iterator[Encoding]:
    """Yield PNG, then JPEG."""
    yield from _png()
    yield from _jpeg()


def _png() -> Iterator[Encoding]:
    kind = "PNG"
    for (name, (colour, channels)), bits, interlaced in product(
        _CHANNELS.items(), (8, 9, 10, 11, 12, 13, 14, 15, 16), (False, True)
    ):
        depth = 8 if bits == 8 else 16
        for filtered in range(5):
            yield Encoding(
                kind,
                f"{name}, {bits} bits in {depth}, filter {filtered}, interlaced {interlaced}",
                partial(_file, bits, depth, colour, channels, filtered, interlaced=interlaced),
            )
    for colour in (0, 2):
        yield Encoding(kind, f"16 bits, type {colour}, one shade clear", partial(_clear, colour))
    for bits in (4, 8):
        yield Encoding(kind, f"palette of {bits} bits", partial(_palette, bits), lossy=bits < 8)
    for chunk in (b"tEXt", b"tIME", b"pHYs", b"gAMA", b"iTXt"):
        yield Encoding(kind, f"a wrong checksum of {chunk.decode()}", partial(_damaged, chunk))
    for chunk in (b"IHDR", b"IDAT", b"IEND"):
        code = UndecodablePixels.code
        yield Encoding(
            kind, f"a wrong checksum of {chunk.decode()}", partial(_damaged, chunk), code
        )


def _chunk(kind: bytes, content: bytes, *, damage: bool = False) -> bytes:
    check = zlib.crc32(kind + content) ^ int(damage)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _pixels(bits: int, channels: int) -> Values:
    values = shades(bits)
    top = np.full_like(values, 255 if bits == 8 else 65535)
    return np.dstack([values] * (channels - 1 + channels % 2) + [top] * (1 - channels % 2))


def _file(
    bits: int, depth: int, colour: int, channels: int, filtered: int, *, interlaced: bool
) -> bytes:
    pixels = _pixels(bits, channels).astype(">u2" if depth == 16 else "u1")
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    size = channels * depth // 8
    data = b"".join(
        _filtered(pixels[top::down, left::right], size, filtered)
        for left, top, right, down in passes
    )
    rows, columns = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, int(interlaced))
    return (
        _SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(data))
        + _chunk(b"IEND", b"")
    )


#: Left, top, horizontal and vertical step of the seven passes (PNG 8.2).
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def _filtered(pixels: Values, size: int, kind: int) -> bytes:
    """Return filtered rows (PNG 9.2): None, Sub, Up, Average, Paeth."""
    raw = np.frombuffer(np.ascontiguousarray(pixels).tobytes(), np.uint8)
    rows = raw.reshape(pixels.shape[0], -1).astype(np.int64)
    up = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    left = np.hstack([np.zeros_like(rows[:, :size]), rows[:, :-size]])
    corner = np.hstack([np.zeros_like(up[:, :size]), up[:, :-size]])
    guess = left + up - corner
    near = np.stack([abs(guess - left), abs(guess - up), abs(guess - corner)]).argmin(axis=0)
    paeth = np.choose(near, [left, up, corner])
    predicted = (np.zeros_like(rows), left, up, (left + up) // 2, paeth)[kind]
    coded = ((rows - predicted) % 256).astype(np.uint8)
    return b"".join(bytes([kind]) + row.tobytes() for row in coded)


def _clear(colour: int) -> bytes:
    """Add tRNS for a shade that no pixel has (PNG 11.3.1.1)."""
    data = _file(15, 16, colour, colour + 1, 0, interlaced=False)
    return data[:33] + _chunk(b"tRNS", b"\xff\xff" * (colour + 1)) + data[33:]


def _palette(bits: int) -> bytes:
    values = shades(bits).astype(np.uint8)
    top = (1 << bits) - 1
    image = Image.fromarray(top - values)
    image.putpalette([255 * shade // top for entry in range(top, -1, -1) for shade in (entry,) * 3])
    return saved(image, "PNG", bits=bits)


def _damaged(kind: bytes) -> bytes:
    data = saved(Image.fromarray(shades(8).astype(np.uint8)), "PNG")
    if kind[:1].isupper():
        end = data.index(kind) + 4 + struct.unpack_from(">I", data, data.index(kind) - 4)[0]
        return data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :]
    return data[:33] + _chunk(kind, b"content", damage=True) + data[33:]


def _jpeg() -> Iterator[Encoding]:
    kind = "JPEG"
    for mode, progressive, quality in product(("L", "RGB", "CMYK"), (False, True), (75, 90, 98)):
        yield Encoding(
            kind,
            f"{mode}, quality {quality}{', progressive' if progressive else ''}",
            partial(_lossy, mode, quality, progressive=progressive),
            lossy=True,
        )
    for subsampling, quality in product(("444", "422", "420", "440", "411"), (90, 98)):
        yield Encoding(
            kind,
            f"colour {subsampling}, quality {quality}",
            partial(_sampled, subsampling, quality),
            lossy=True,
        )
    for quality, colour in product((80, 90, 98), (False, True)):
        yield Encoding(
            kind,
            f"12 bits, quality {quality}{', colour' if colour else ''}",
            partial(_twelve, quality, colour=colour),
            lossy=True,
        )
    for orientation in range(1, 9):
        turned = partial(_twelve_turned, orientation)
        yield Encoding(kind, f"12 bits, EXIF {orientation}", turned, lossy=True)
    for bits, predictor in product(range(8, 17), range(1, 8)):
        yield Encoding(
            kind,
            f"lossless of {bits} bits, predictor {predictor}",
            partial(_lossless, bits, predictor),
        )
    for bits in (8, 16):
        yield Encoding(kind, f"JPEG-LS of {bits} bits", partial(_jpeg_ls, bits))


def _lossy(mode: str, quality: int, *, progressive: bool) -> bytes:
    image = Image.fromarray(shades(8).astype(np.uint8)).convert(mode)
    return saved(image, "JPEG", quality=quality, progressive=progressive)


def _sampled(subsampling: str, quality: int) -> bytes:
    colours = np.dstack([shades(8).astype(np.uint8)] * 3)
    return bytes(imagecodecs.jpeg8_encode(colours, level=quality, subsampling=subsampling))


def _twelve(quality: int, *, colour: bool) -> bytes:
    values = (chest() >> 4).astype(np.uint16)
    pixels = np.dstack([values] * 3) if colour else values
    return bytes(imagecodecs.jpeg_encode(pixels, level=quality, bitspersample=12))


def _twelve_turned(orientation: int) -> bytes:
    stored = exif_turn(orientation).stored((chest() >> 4).astype(np.uint16))
    stream = bytes(imagecodecs.jpeg_encode(stored, level=95, bitspersample=12))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = exif.tobytes()
    content = content if content.startswith(b"Exif") else b"Exif\0\0" + content
    return stream[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + stream[2:]


def _lossless(bits: int, predictor: int) -> bytes:
    values = shades(bits).astype(np.uint8 if bits == 8 else np.uint16)
    return bytes(
        imagecodecs.jpeg_encode(values, lossless=True, predictor=predictor, bitspersample=bits)
    )


def _jpeg_ls(bits: int) -> bytes:
    return bytes(
        imagecodecs.jpegls_encode(shades(bits).astype(np.uint8 if bits == 8 else np.uint16))
    )
