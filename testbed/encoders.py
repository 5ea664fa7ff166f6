"""Compressing a frame in every way that DICOM allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[Any]

#: (48, 64) and (96, 96) uint16 with 12 bits: easy and hard to compress.
SMOOTH = (np.add.outer(np.arange(48), np.arange(64)) * 30 + 200).astype(np.uint16)
NOISY = np.random.default_rng(8).integers(0, 4096, (96, 96)).astype(np.uint16)


def jpeg_ls(level: int) -> Callable[[Image], bytes]:
    return lambda image: bytes(imagecodecs.jpegls_encode(image, level=level))


def jpeg_2000(image: Image) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(image, codecformat="J2K", reversible=True))


def jpeg_2000_lossy(image: Image) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(image, codecformat="J2K", level=85))


def jpeg_lossless(image: Image) -> bytes:
    return bytes(imagecodecs.jpeg_encode(image, lossless=True, predictor=1, bitspersample=12))


def jpeg_lossless_4(image: Image) -> bytes:
    return bytes(imagecodecs.jpeg_encode(image, lossless=True, predictor=4, bitspersample=16))


def jpeg_extended(image: Image) -> bytes:
    return bytes(imagecodecs.jpeg_encode(image, bitspersample=12, level=98))


def htj2k(image: Image) -> bytes:
    return bytes(imagecodecs.htj2k_encode(image, reversible=True))


def htj2k_lossy(image: Image) -> bytes:
    return bytes(imagecodecs.htj2k_encode(image, reversible=False))
