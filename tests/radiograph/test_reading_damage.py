"""A damaged file is read or refused with a code; no other exception is raised."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from radiograph.errors import RadiographError
from radiograph.reading import read
from testbed.dicom_files import LIMITS, RAMP, make_dicom

GREY = (RAMP >> 4).astype(np.uint8)
#: Copies of each file, each with different bytes changed.
COPIES = 120


def run_length(dataset: Dataset) -> None:
    dataset.compress(RLELossless, RAMP, generate_instance_uid=False)


def saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(GREY if kind == "JPEG" else RAMP).save(buffer, kind)
    return buffer.getvalue()


def compressed(syntax: str, encode: Callable[..., bytes], **options: object) -> bytes:
    image = GREY if syntax == JPEGBaseline8Bit else RAMP
    return make_dicom(image, syntax=syntax, frames=[bytes(encode(image, **options))])


FILES = {
    "explicit": lambda: make_dicom(RAMP, WindowCenter="1500", WindowWidth="3000"),
    "implicit": lambda: make_dicom(RAMP, syntax=ImplicitVRLittleEndian),
    "big": lambda: make_dicom(RAMP, syntax=ExplicitVRBigEndian),
    "deflated": lambda: make_dicom(RAMP, syntax=DeflatedExplicitVRLittleEndian),
    "rle": lambda: make_dicom(RAMP, syntax=RLELossless, spoil=run_length),
    "jpeg-dicom": lambda: compressed(JPEGBaseline8Bit, imagecodecs.jpeg8_encode),
    "jpeg-lossless": lambda: compressed(
        JPEGLosslessSV1, imagecodecs.jpeg_encode, lossless=True, predictor=1, bitspersample=12
    ),
    "jpeg-ls": lambda: compressed(JPEGLSLossless, imagecodecs.jpegls_encode),
    "jpeg-2000": lambda: compressed(
        JPEG2000Lossless, imagecodecs.jpeg2k_encode, codecformat="J2K", reversible=True
    ),
    "png": lambda: saved("PNG"),
    "jpeg": lambda: saved("JPEG"),
    "tiff": lambda: saved("TIFF"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_with_changed_bytes_gives_pixels_or_an_error_code(kind: str, tmp_path: Path) -> None:
    whole = FILES[kind]()
    rng = np.random.default_rng(len(kind))
    path = tmp_path / "image.dcm"
    refused = 0
    for copy in range(COPIES):
        spoilt = np.frombuffer(whole, np.uint8).copy()
        # Most faults are in headers, at the beginning or the end.
        reach = (700, len(spoilt))[copy % 2]
        places = rng.integers(0, min(reach, len(spoilt)), 1 + copy % 6)
        spoilt[places] = rng.integers(0, 256, len(places))
        cut = len(spoilt) if copy % 5 else int(rng.integers(1, len(spoilt)))
        path.write_bytes(spoilt[:cut].tobytes())
        try:
            radiograph = read(path, LIMITS)
        except RadiographError:
            refused += 1
            continue
        assert radiograph.pixels.ndim == 2
        assert radiograph.pixels.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
    assert refused
