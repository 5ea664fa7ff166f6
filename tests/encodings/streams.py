"""The chest as one compressed frame, by every codec of DICOM."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import RLELossless

from tests.encodings.chest import Values

_PREFIX = "1.2.840.10008.1.2.4."


@dataclass(frozen=True, slots=True)
class Codec:
    """``syntax``: its transfer syntax; ``bits``: precisions to test."""

    name: str
    syntax: str
    encode: Callable[[Values, int], bytes]
    bits: tuple[int, ...]
    lossy: bool = False


def _jpeg(values: Values, bits: int, **options: Any) -> bytes:
    if bits <= 8 and "lossless" not in options:
        return bytes(imagecodecs.jpeg8_encode(values.astype(np.uint8), level=97))
    return bytes(imagecodecs.jpeg_encode(values, bitspersample=bits, **options))


def _lossless(predictor: int) -> Callable[[Values, int], bytes]:
    return lambda values, bits: _jpeg(values, bits, lossless=True, predictor=predictor)


def _progressive(values: Values, _bits: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(buffer, "JPEG", quality=97, progressive=True)
    return buffer.getvalue()


def _jpeg_ls(loss: int) -> Callable[[Values, int], bytes]:
    return lambda values, _bits: bytes(imagecodecs.jpegls_encode(values, level=loss))


def _jpeg_2000(values: Values, bits: int, **options: Any) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(values, codecformat="J2K", bitspersample=bits, **options)
    )


def _rle(values: Values, _bits: int) -> bytes:
    dataset = Dataset()
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 1 if values.ndim == 2 else values.shape[2]
    dataset.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.compress(RLELossless, np.ascontiguousarray(values), generate_instance_uid=False)
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


CODECS = (
    Codec("RLE", "1.2.840.10008.1.2.5", _rle, (8, 12, 16)),
    Codec("JPEG baseline", f"{_PREFIX}50", _jpeg, (8,), lossy=True),
    Codec("JPEG extended", f"{_PREFIX}51", lambda v, b: _jpeg(v, b, level=98), (8, 12), lossy=True),
    Codec("JPEG progressive", f"{_PREFIX}55", _progressive, (8,), lossy=True),
    *(
        Codec(f"JPEG lossless {each}", f"{_PREFIX}57", _lossless(each), (8, 10, 12, 14, 16))
        for each in range(1, 8)
    ),
    Codec("JPEG lossless SV1", f"{_PREFIX}70", _lossless(1), (8, 10, 12, 13, 15, 16)),
    Codec("JPEG-LS", f"{_PREFIX}80", _jpeg_ls(0), (8, 10, 12, 14, 16)),
    Codec("JPEG-LS near lossless", f"{_PREFIX}81", _jpeg_ls(2), (8, 12, 16), lossy=True),
    Codec(
        "JPEG 2000",
        f"{_PREFIX}90",
        lambda v, b: _jpeg_2000(v, b, reversible=True),
        (8, 10, 12, 14, 15, 16),
    ),
    Codec(
        "JPEG 2000 lossy",
        f"{_PREFIX}91",
        lambda v, b: _jpeg_2000(v, b, level=60),
        (8, 12, 16),
        lossy=True,
    ),
    Codec(
        "HTJ2K",
        f"{_PREFIX}201",
        lambda v, _b: bytes(imagecodecs.htj2k_encode(v, reversible=True)),
        (8, 12, 16),
    ),
)


def wrapped(values: Values, bits: int) -> bytes:
    """Return a stream whose differences wrap at 2^16 (T.81 H.1.2.1), beyond the precision."""
    above = np.where(np.indices(values.shape).sum(axis=0) % 3, 0, 0x10000 - (1 << bits))
    # The first sample is predicted by half the range (H.1.2.1), which depends on the precision.
    moved = (values.astype(np.int64) + above + (1 << 15) - (1 << (bits - 1))) % 65536
    stream = bytearray(
        imagecodecs.jpeg_encode(
            moved.astype(np.uint16), bitspersample=16, lossless=True, predictor=1
        )
    )
    stream[stream.index(b"\xff\xc3") + 4] = bits
    return bytes(stream)
