"""Grey chests in colour: RGB, YBR, palettes, native and compressed, by plane and by pixel."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from itertools import product

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit

from tests.encodings.chest import Values, shades
from tests.encodings.compressed import compressed, one_fragment
from tests.encodings.dicom import FORMS, Bits, Form, grey, set_words, written
from tests.encodings.encoding import Encoding
from tests.encodings.streams import CODECS, Codec

KIND = "DICOM, colour and palettes"
_CODECS = [
    each for each in CODECS if each.name in {"RLE", "JPEG-LS", "JPEG 2000", "JPEG lossless SV1"}
]


def encodings() -> Iterator[Encoding]:
    """Yield every colour space, by plane or pixel, of 8 and 16 bits, in every form."""
    for form, bits, planar in product(FORMS, (8, 10, 12, 16), (0, 1)):
        yield Encoding(
            KIND,
            f"RGB, {bits} bits, {form.name}, planar {planar}",
            partial(_plain, form, bits, planar, "RGB"),
        )
        yield Encoding(
            KIND,
            f"YBR_FULL, {bits} bits, {form.name}, planar {planar}",
            partial(_plain, form, bits, planar, "YBR_FULL"),
        )
    for form in FORMS:
        yield Encoding(KIND, f"YBR_FULL_422, {form.name}", partial(_subsampled, form))
        for vr, depth, allocated in product(("OW", "US"), (8, 16), (8, 16)):
            yield Encoding(
                KIND,
                f"palette of {depth} bits as {vr}, {allocated} bits allocated, {form.name}",
                partial(_palette, form, vr, depth, allocated),
            )
    for codec, bits in product(_CODECS, (8, 12, 16)):
        if bits in codec.bits or bits == 8:
            yield Encoding(
                KIND, f"RGB in {codec.name}, {bits} bits", partial(_compressed, codec, bits)
            )
    for subsampling, photometric, marked in product(
        ("444", "422", "420"), ("YBR_FULL_422", "YBR_FULL", "RGB"), (True, False)
    ):
        yield Encoding(
            KIND,
            f"{photometric} in JPEG, {subsampling}, {'with' if marked else 'without'} marker",
            partial(_jpeg, subsampling, photometric, marked=marked),
            lossy=True,
        )


def _bits(bits: int) -> Bits:
    return Bits(8 if bits <= 8 else 16, bits, bits - 1)


def _colour(bits: int, photometric: str, planar: int = 0) -> Dataset:
    dataset = grey(_bits(bits), SamplesPerPixel=3, PhotometricInterpretation=photometric)
    dataset.PlanarConfiguration = planar
    return dataset


def _three(bits: int, photometric: str = "RGB") -> Values:
    words = _bits(bits).words()
    # Chrominance of grey: the middle of the range (PS3.3 C.7.6.3.1.2).
    other = words if photometric == "RGB" else np.full_like(words, 1 << (bits - 1))
    return np.dstack([words, other, other])


def _plain(form: Form, bits: int, planar: int, photometric: str) -> bytes:
    colours = _three(bits, photometric)
    stored = np.ascontiguousarray(np.moveaxis(colours, -1, 0)) if planar else colours
    return written(set_words(_colour(bits, photometric, planar), stored, form), form)


def _subsampled(form: Form) -> bytes:
    pairs = _bits(8).words().reshape(-1, 2)
    stored = np.hstack([pairs, np.full_like(pairs, 128)])
    return written(set_words(_colour(8, "YBR_FULL_422"), stored, form), form)


def _palette(form: Form, vr: str, depth: int, allocated: int) -> bytes:
    count = 256
    # Palette indices in reverse, so that ignoring the palette gives a negative.
    numbers = (count - 1 - shades(8)).astype(f"u{allocated // 8}")
    dataset = grey(Bits(allocated, 8, 7), PhotometricInterpretation="PALETTE COLOR")
    entries = np.rint(np.linspace((1 << depth) - 1, 0, count)).astype(np.int64)
    if depth == 8:
        entries = entries[::2] | entries[1::2] << 8  # two per word, the first in the low byte
    for colour in ("Red", "Green", "Blue"):
        keyword = f"{colour}PaletteColorLookupTable"
        setattr(dataset, f"{keyword}Descriptor", [count, 0, depth])
        order = "<u2" if form.little_endian else ">u2"
        value = entries.astype(order).tobytes() if vr == "OW" else entries.tolist()
        setattr(dataset, f"{keyword}Data", b"" if vr == "OW" else [])
        dataset[f"{keyword}Data"].VR = vr
        dataset[f"{keyword}Data"].value = value
    return written(set_words(dataset, numbers, form), form)


def _compressed(codec: Codec, bits: int) -> bytes:
    frame = codec.encode(_three(bits), bits)
    photometric = "YBR_RCT" if codec.name == "JPEG 2000" else "RGB"
    return compressed(_colour(bits, photometric), one_fragment(frame), codec.syntax)


def _jpeg(subsampling: str, photometric: str, *, marked: bool) -> bytes:
    space = "RGB" if photometric == "RGB" else "YCBCR"
    options = {"subsampling": subsampling} if space == "YCBCR" else {}
    stream = bytes(imagecodecs.jpeg8_encode(_three(8), level=97, outcolorspace=space, **options))
    frame = stream if marked else without_markers(stream)
    return compressed(_colour(8, photometric), one_fragment(frame), JPEGBaseline8Bit)


def without_markers(stream: bytes) -> bytes:
    """Return a JPEG stream without JFIF and Adobe markers."""
    position = 2
    while stream[position + 1] in {0xE0, 0xEE}:
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        stream = stream[:position] + stream[position + 2 + length :]
    return stream


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
