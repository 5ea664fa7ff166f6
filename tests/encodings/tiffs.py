"""The chest as TIFF: samples, byte orders, photometrics, compressions, tiles, planes, pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import tifffile

from radiograph.errors import UnsupportedPixels
from radiograph.reading.orientation import exif_turn
from tests.encodings.chest import COLUMNS, ROWS, Values, chest, shades
from tests.encodings.encoding import Encoding

KIND = "TIFF"
_ORDERS = {"<": "little endian", ">": "big endian"}
_SAMPLES = {
    "unsigned 8": lambda inverse: shades(8, inverse=inverse).astype(np.uint8),
    "unsigned 10 in 16": lambda inverse: shades(10, inverse=inverse).astype(np.uint16),
    "unsigned 12 in 16": lambda inverse: shades(12, inverse=inverse).astype(np.uint16),
    "unsigned 16": lambda inverse: shades(16, inverse=inverse).astype(np.uint16),
    "signed 8": lambda inverse: (shades(8, inverse=inverse) - 128).astype(np.int8),
    "signed 16": lambda inverse: (shades(16, inverse=inverse) - 32768).astype(np.int16),
    "unsigned 32": lambda inverse: (shades(32, inverse=inverse)).astype(np.uint32),
    "signed 32": lambda inverse: (shades(32, inverse=inverse) - (1 << 31)).astype(np.int32),
    "unsigned 64": lambda inverse: shades(48, inverse=inverse).astype(np.uint64),
    "float 16": lambda inverse: (shades(10, inverse=inverse) / 1024).astype(np.float16),
    "float 32": lambda inverse: (shades(16, inverse=inverse) / 65535).astype(np.float32),
    "float 64": lambda inverse: (shades(16, inverse=inverse) * 1e9 - 1e12).astype(np.float64),
}
_INTEGERS = [name for name in _SAMPLES if "float" not in name]


def encodings() -> Iterator[Encoding]:
    """Yield samples in every byte order, polarity and layout; then colours, packed bits, pages."""
    for name, order, white, tiled, (compression, predictor) in product(
        _SAMPLES, _ORDERS, (False, True), (False, True), _COMPRESSIONS
    ):
        if predictor and "64" in name:
            continue
        layout = [
            _ORDERS[order],
            "white is zero" if white else "black is zero",
            compression or "plain",
        ]
        layout += ["predictor"] * predictor + ["tiles"] * tiled
        yield Encoding(
            KIND,
            f"{name}, {', '.join(layout)}",
            partial(_grey, name, order, compression, white=white, tiled=tiled, predictor=predictor),
        )
    for name, order, planar, alpha in product(
        ("unsigned 8", "unsigned 10 in 16", "unsigned 12 in 16", "unsigned 16", "float 32"),
        _ORDERS,
        ("contig", "separate"),
        (None, "unassalpha", "assocalpha", "unspecified"),
    ):
        for colours in (1, 3):
            if colours == 1 and alpha is None:
                continue
            label = (
                f"{'RGB' if colours == 3 else 'grey'}, {name}, {_ORDERS[order]}, {planar}, {alpha}"
            )
            yield Encoding(KIND, label, partial(_colours, name, order, planar, alpha, colours))
    for order, bits, white in product(_ORDERS, (10, 12, 14), (False, True)):
        polarity = "white" if white else "black"
        yield Encoding(
            KIND,
            f"packed {bits} bits, {_ORDERS[order]}, {polarity} is zero",
            partial(_packed, order, bits, white=white),
        )
    yield from _pages()


def _pages() -> Iterator[Encoding]:
    for order, first, sub in product(_ORDERS, (1, 3), (False, True)):
        for name in ("unsigned 8", "unsigned 16", "float 32"):
            where = "sub-image" if sub else "page"
            yield Encoding(
                KIND,
                f"{name}, {_ORDERS[order]}, {first} thumbnails before it, as a {where}",
                partial(_behind_thumbnails, name, order, first, sub=sub),
            )
    for name, orientation in product(("unsigned 8", "signed 16", "float 32"), range(1, 9)):
        yield Encoding(KIND, f"{name}, EXIF {orientation}", partial(_turned, name, orientation))
    for name in ("unsigned 16", "unsigned 8"):
        yield Encoding(KIND, f"{name}, BigTIFF", partial(_grey, name, "<", None, big=True))
        yield Encoding(KIND, f"{name}, two pages", partial(_two_pages, name))
    yield Encoding(KIND, "16-bit CMYK", _cmyk, UnsupportedPixels.code)


_COMPRESSIONS = (
    (None, False),
    ("lzw", False),
    ("zlib", False),
    ("zlib", True),
    ("packbits", False),
)


def _saved(values: Values, order: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    options = {"photometric": "minisblack", "metadata": None, **options}
    big = bool(options.pop("big", False))
    tifffile.imwrite(buffer, values, byteorder=order, bigtiff=big, **options)
    return buffer.getvalue()


def _grey(
    name: str,
    order: str,
    compression: str | None,
    *,
    white: bool = False,
    tiled: bool = False,
    predictor: bool = False,
    big: bool = False,
) -> bytes:
    return _saved(
        _SAMPLES[name](inverse=white),
        order,
        photometric="miniswhite" if white else "minisblack",
        compression=compression,
        predictor=predictor or None,
        tile=(32, 48) if tiled else None,
        rowsperstrip=None if tiled else 20,
        big=big,
    )


def _colours(name: str, order: str, planar: str, alpha: str | None, colours: int) -> bytes:
    values = _SAMPLES[name](inverse=False)
    channels = [values] * colours
    if alpha is not None:
        top = 1.0 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
        channels.append(np.full_like(values, top))
    stacked = np.stack(channels, axis=0 if planar == "separate" else -1)
    return _saved(
        stacked,
        order,
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=planar,
        extrasamples=None if alpha is None else [alpha],
    )


def _packed(order: str, bits: int, *, white: bool) -> bytes:
    """Return a TIFF of packed bits, written by hand, since tifffile cannot write it."""
    words = shades(bits, inverse=white)
    whole = ((words[..., None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    rows = np.packbits(whole.reshape(ROWS, -1), axis=1)
    return _directory(rows.tobytes(), order, bits, white=white)


def _directory(strip: bytes, order: str, bits: int, *, white: bool) -> bytes:
    name = "little" if order == "<" else "big"
    entries = (
        (256, 3, COLUMNS),
        (257, 3, ROWS),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 0 if white else 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, ROWS),
        (279, 4, len(strip)),
    )
    strip += b"\0" * (len(strip) % 2)
    head = (b"II*\0" if order == "<" else b"MM\0*") + (8 + len(strip)).to_bytes(4, name)  # type: ignore[arg-type]
    table = len(entries).to_bytes(2, name)  # type: ignore[arg-type]
    for tag, kind, value in entries:
        size = 2 if kind == 3 else 4
        table += b"".join(each.to_bytes(n, name) for each, n in ((tag, 2), (kind, 2), (1, 4)))  # type: ignore[arg-type]
        table += value.to_bytes(size, name).ljust(4, b"\0")  # type: ignore[arg-type]
    return head + strip + table + bytes(4)


def _behind_thumbnails(name: str, order: str, count: int, *, sub: bool) -> bytes:
    buffer = io.BytesIO()
    whole = _SAMPLES[name](inverse=False)
    small = np.ascontiguousarray(whole[::3, ::3])
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": None}
    with tifffile.TiffWriter(buffer, byteorder=order) as writer:
        for number in range(count):
            last = sub and number == count - 1
            writer.write(small, subfiletype=1, subifds=1 if last else None, **options)
        writer.write(whole, **options)
    return buffer.getvalue()


def _two_pages(name: str) -> bytes:
    buffer = io.BytesIO()
    whole = _SAMPLES[name](inverse=False)
    with tifffile.TiffWriter(buffer) as writer:
        for page in (whole, whole[::-1].copy()):
            writer.write(page, photometric="minisblack", metadata=None)
    return buffer.getvalue()


def _turned(name: str, orientation: int) -> bytes:
    stored = exif_turn(orientation).stored(_SAMPLES[name](inverse=False))
    return _saved(stored, "<", extratags=[(274, "H", 1, orientation, True)])


def _cmyk() -> bytes:
    inks = np.dstack([np.zeros_like(chest())] * 3 + [65535 - chest()])
    return _saved(inks, "<", photometric="separated")
