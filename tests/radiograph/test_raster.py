"""PNG, JPEG and TIFF of every mode, intact and damaged."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from radiograph.errors import (
    RadiographError,
    TooLarge,
    TooSmall,
    TruncatedFile,
    UndecodablePixels,
    UniformPixels,
)
from radiograph.image import Radiograph
from radiograph.records import ImageFormat, View
from testbed.dicom_files import LIMITS, RAMP

Reading = Callable[..., Radiograph]
GREY = (RAMP >> 4).astype(np.uint8)
DEEP = (RAMP * 21).astype(np.uint16)
WHITE_IS_ZERO = {262: 0}


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode: str) -> Image.Image:
    """Return the grey ramp in a mode of Pillow."""
    grey = Image.fromarray(GREY)
    if mode == "P":
        indexed = Image.fromarray(255 - GREY)
        indexed.putpalette([shade for entry in range(255, -1, -1) for shade in (entry,) * 3])
        return indexed
    return grey.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *((mode, "PNG") for mode in ("L", "LA", "RGB", "RGBA", "P")),
        *((mode, "TIFF") for mode in ("L", "LA", "RGB", "RGBA", "P", "CMYK")),
    ],
)
def test_8_bit_images_of_any_mode_give_the_same_grey(
    mode: str, kind: str, reading: Reading
) -> None:
    read = reading(saved(picture(mode), kind), "image")
    assert read.pixels.dtype == np.uint8
    assert np.abs(read.pixels.astype(int) - GREY).max() <= 1
    assert read.header.format is ImageFormat(kind.lower())
    assert (read.header.view, read.header.spacing) == (View.UNKNOWN, None)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpegs_of_any_mode_give_the_same_grey(mode: str, reading: Reading) -> None:
    smooth = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)))
    read = reading(saved(smooth.convert(mode), "JPEG", quality=98), "image")
    assert np.abs(read.pixels.astype(int) - np.asarray(smooth)).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_read_exactly(kind: str, reading: Reading) -> None:
    read = reading(saved(Image.fromarray(DEEP), kind), "image")
    assert read.pixels.dtype == np.uint16
    assert np.array_equal(read.pixels, DEEP)
    assert read.header.bits_stored == 16


def test_12_bits_in_16_are_shown_at_full_range(reading: Reading) -> None:
    assert np.array_equal(reading(saved(Image.fromarray(RAMP), "PNG"), "image").pixels, RAMP << 4)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (DEEP.astype(np.int32), DEEP),
        (RAMP.astype(np.int32) * 1000 - 5, np.rint(RAMP / 3071 * 65535)),
        (RAMP.astype(np.float32) / 3071, np.rint(RAMP / 3071 * 65535)),
    ],
)
def test_32_bits_are_scaled_to_16(
    values: npt.NDArray[Any], expected: npt.NDArray[Any], reading: Reading
) -> None:
    read = reading(saved(Image.fromarray(values), "TIFF"), "image").pixels
    assert np.abs(read - expected).max() <= 1


def test_nan_is_black(reading: Reading) -> None:
    values = RAMP.astype(np.float32)
    values[5, 5] = np.nan
    assert reading(saved(Image.fromarray(values), "TIFF"), "image").pixels[5, 5] == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_single_bits_are_read(kind: str, reading: Reading) -> None:
    bits = RAMP % 7 > 2
    read = reading(saved(Image.fromarray(bits), kind), "image")
    assert np.array_equal(read.pixels, bits * np.uint8(255))


@pytest.mark.parametrize("values", [GREY, DEEP])
def test_a_tiff_whose_white_is_zero_is_inverted(values: npt.NDArray[Any], reading: Reading) -> None:
    data = saved(Image.fromarray(values), "TIFF", tiffinfo=WHITE_IS_ZERO)
    read = reading(data, "image").pixels
    stored = tiff_pixels(data, values)
    assert np.array_equal(read, np.iinfo(values.dtype).max - stored)


def tiff_pixels(data: bytes, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the raw strip of an uncompressed little-endian TIFF."""
    with Image.open(io.BytesIO(data)) as image:
        (start,) = image.tag_v2[273]  # type: ignore[attr-defined]
    return np.frombuffer(data, like.dtype, like.size, start).reshape(like.shape)


def test_transparent_pixels_are_black(reading: Reading) -> None:
    pixels = np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])
    pixels[40:, :, :3], pixels[40:, :, 3] = 255, 0
    assert not reading(saved(Image.fromarray(pixels), "PNG"), "image").pixels[40:].any()


def test_a_tiff_of_several_pages_gives_the_first(reading: Reading) -> None:
    pages = [Image.fromarray(GREY[::-1])]
    data = saved(Image.fromarray(GREY), "TIFF", save_all=True, append_images=pages)
    assert np.array_equal(reading(data, "image").pixels, GREY)


NOISE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (64, 64), np.uint8))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_a_shortened_file_is_truncated(
    kind: str, options: dict[str, Any], share: float, reading: Reading
) -> None:
    data = saved(NOISE, kind, **options)
    with pytest.raises(TruncatedFile):
        reading(data[: int(len(data) * share)], "image")


def noise(data: bytes, start: int) -> bytes:
    junk = np.random.default_rng(6).integers(0, 256, len(data), np.uint8).tobytes()
    return data[:start] + junk[start:-16] + data[-16:]


@pytest.mark.parametrize(("kind", "start"), [("PNG", 60), ("JPEG", 700)])
def test_a_file_of_noise_is_undecodable(kind: str, start: int, reading: Reading) -> None:
    data = saved(NOISE, kind)
    assert len(data) > start + 500
    with pytest.raises(UndecodablePixels):
        reading(noise(data, start), "image")


def test_a_png_with_a_byte_of_its_pixels_changed_is_undecodable(reading: Reading) -> None:
    data = bytearray(saved(NOISE, "PNG", compress_level=0))
    assert reading(bytes(data), "image")
    data[data.index(b"IDAT") + 20] ^= 1
    with pytest.raises(UndecodablePixels):
        reading(bytes(data), "image")


def png_claiming(columns: int, rows: int) -> bytes:
    """Return a tiny PNG whose header claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def test_a_decompression_bomb_is_refused_by_its_header(reading: Reading) -> None:
    with pytest.raises(TooLarge):
        reading(png_claiming(65535, 65535), "image")


def test_the_size_limit_of_pillow_does_not_apply(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    data = saved(Image.fromarray(GREY), "PNG")
    assert reading(data, "image").pixels.shape == GREY.shape
    with pytest.raises(TooLarge):
        reading(data, "image", dataclasses.replace(LIMITS, max_pixels=GREY.size - 1))
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full((64, 64), 9, np.uint8), UniformPixels),
        (np.full((64, 64), 9, np.uint16), UniformPixels),
        (GREY[:15], TooSmall),
    ],
)
def test_uniform_and_small_images_are_refused(
    image: npt.NDArray[Any], expected: type[RadiographError], reading: Reading
) -> None:
    with pytest.raises(expected):
        reading(saved(Image.fromarray(image), "PNG"), "image")


def test_offsets_that_are_not_integers_make_a_tiff_undecodable(reading: Reading) -> None:
    content = bytearray(saved(Image.fromarray(DEEP), "TIFF", compression="tiff_adobe_deflate"))
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    for entry in range(start + 2, start + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", content, entry)[0] == 279:  # StripByteCounts, as bytes
            struct.pack_into("<H", content, entry + 2, 7)
    with pytest.raises(UndecodablePixels):
        reading(bytes(content))


@pytest.mark.parametrize("field", [256, 258, 262, 274, 339], ids=lambda tag: f"tag {tag}")
def test_a_field_of_a_tiff_of_any_type_and_count_gives_a_header_that_can_be_stored(
    reading: Reading, field: int
) -> None:
    content = bytearray(saved(Image.fromarray(DEEP), "TIFF", tiffinfo={274: 1, 339: 1}))
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    places = range(start + 2, start + 2 + 12 * entries, 12)
    (entry,) = (each for each in places if struct.unpack_from("<H", content, each)[0] == field)
    for kind in range(19):
        for count in (0, 1, 2, 3, 8, 12, 300):
            struct.pack_into("<HI", content, entry + 2, kind, count)
            try:
                header = reading(bytes(content)).header
            except RadiographError as exc:
                if exc.header is None:
                    continue
                header = exc.header
            assert header.bits_stored in range(1, 65)
            assert len(header.photometric or "") <= 64
            assert header.columns < 1 << 31


@pytest.mark.parametrize(("scans", "read"), [(20, True), (5000, False)])
def test_a_jpeg_with_too_many_scans_is_refused(reading: Reading, scans: int, *, read: bool) -> None:
    content = saved(Image.fromarray(GREY), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    content = content[:last] + content[last:-2] * scans + content[-2:]
    if read:
        assert reading(content).pixels.shape == GREY.shape
    else:
        with pytest.raises(UndecodablePixels, match="too many scans"):
            reading(content)
