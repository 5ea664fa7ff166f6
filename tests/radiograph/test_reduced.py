"""Radiographs decoded at reduced size give the network the same input."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom.uid import (
    JPEG2000,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from network.input import ENOUGH_PX, prepare
from radiograph.errors import RadiographError, UniformPixels
from radiograph.image import Radiograph
from radiograph.phantom.cases import Case, Plain, draw_cases
from radiograph.phantom.encoding import Storage
from radiograph.reading import ReadLimits, read
from testbed.dicom_files import make_dicom

FULL = ReadLimits()
ENOUGH = ReadLimits(enough_px=ENOUGH_PX)
QUARTER = ReadLimits(enough_px=ENOUGH_PX // 2)
#: Tolerance of the network's square after reduced decoding, in grey levels of 255.
MOST_ON_AVERAGE, MOST_ANYWHERE = 0.5, 24

STORAGES: dict[str, Storage | Plain] = {
    "lossless": Storage(JPEG2000Lossless),
    "window": Storage(JPEG2000Lossless, inverse=True, bits=14, window=True),
    "mirrored": Storage(JPEG2000Lossless, bits=16, mirrored=True),
    "lossy": Storage(JPEG2000, inverse=True),
    "baseline": Storage(JPEGBaseline8Bit, inverse=True, bits=8, window=True),
    "baseline-mirrored": Storage(JPEGBaseline8Bit, bits=8, mirrored=True),
    "jpeg": "jpeg",
    "jpeg-exif": "jpeg-exif",
}


def case_of(storage: Storage | Plain, rows: int = 1101, columns: int = 1057) -> Case:
    [case] = draw_cases(1, seed=11)
    return replace(case, rows=rows, columns=columns, storage=storage)


@pytest.fixture(params=STORAGES, scope="module")
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a phantom of odd size in each storage that can be decoded at reduced size."""
    path = tmp_path_factory.mktemp("reduced") / "film"
    path.write_bytes(case_of(STORAGES[request.param]).encode())
    return path


@pytest.mark.parametrize(("limits", "step"), [(ENOUGH, 2), (QUARTER, 4)], ids=["half", "quarter"])
def test_a_reduced_image_maps_to_the_pixels_of_the_file(
    image: Path, limits: ReadLimits, step: int
) -> None:
    full, reduced = read(image, FULL), read(image, limits)
    assert reduced.header == full.header
    assert full.pixel_digest is not None
    assert reduced.pixel_digest is None  # not comparable between files
    assert np.abs(reduced.to_source[:, :2]).sum(axis=1).tolist() == [step, step]
    assert min(reduced.pixels.shape) >= (limits.enough_px or 0)
    ways = [
        each.to_source[:, :2] @ prepare(each.pixels, extent=each.extent).to_upright
        + np.pad(each.to_source[:, 2:], ((0, 0), (2, 0)))
        for each in (full, reduced)
    ]
    assert np.abs(ways[0] - ways[1]).max() < 1e-9


def test_the_network_sees_the_same_square(image: Path) -> None:
    full, reduced = (
        prepare(each.pixels, extent=each.extent).pixels.astype(int)
        for each in (read(image, FULL), read(image, ENOUGH))
    )
    difference = np.abs(full - reduced)
    assert difference.mean() <= MOST_ON_AVERAGE
    assert difference.max() <= MOST_ANYWHERE


def blobs(rows: int, columns: int) -> tuple[npt.NDArray[np.uint8], list[tuple[float, float]]]:
    """Return an image of three soft blobs and their centres ``(x, y)``."""
    centres = [(130.3, 90.6), (columns - 80.2, 333.9), (250.5, rows - 60.4)]
    y, x = np.mgrid[:rows, :columns]
    picture = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 200) for cx, cy in centres)
    return np.asarray(np.rint(10 + 230 * picture), np.uint8), centres


@pytest.mark.parametrize("orientation", [["L", "F"], ["R", "F"], ["R", "H"], ["F", "L"]])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEG2000, JPEGBaseline8Bit])
@pytest.mark.parametrize("limits", [ReadLimits(enough_px=n) for n in (256, 128)], ids=["2", "4"])
def test_a_structure_in_a_reduced_image_has_its_position_in_the_file(
    limits: ReadLimits,
    syntax: str,
    orientation: list[str],
    reading: Callable[..., Radiograph],
) -> None:
    picture, centres = blobs(571, 523)
    encoded = (
        imagecodecs.jpeg8_encode(picture, level=98)
        if syntax == JPEGBaseline8Bit
        else imagecodecs.jpeg2k_encode(
            picture,
            codecformat="J2K",
            reversible=syntax == JPEG2000Lossless,
            level=0 if syntax == JPEG2000Lossless else 60,
        )
    )
    data = make_dicom(
        picture, syntax=syntax, frames=[bytes(encoded)], PatientOrientation=orientation
    )
    found = reading(data, limits=limits)
    rows, columns = found.pixels.shape
    assert max(rows, columns) < 300
    light = found.pixels.astype(float) - 11
    y, x = np.mgrid[:rows, :columns]
    for centre in centres:
        upright = np.linalg.solve(found.to_source[:, :2], centre - found.to_source[:, 2])
        near = light * (np.hypot(x - upright[0], y - upright[1]) < 14) * (light > 5)
        seen = np.array([(near * x).sum(), (near * y).sum()]) / near.sum()
        at = found.to_source[:, :2] @ seen + found.to_source[:, 2]
        assert np.abs(at - centre).max() < 0.1


@pytest.mark.parametrize(
    "storage",
    [
        Storage(ExplicitVRLittleEndian),
        Storage(JPEGLSLossless),
        Storage(HTJ2KLossless, bits=16),
        "png16",
    ],
    ids=["raw", "jpeg-ls", "high-throughput", "png"],
)
def test_files_that_cannot_be_reduced_are_read_at_full_size(
    storage: Storage | Plain, reading: Callable[..., Radiograph]
) -> None:
    full, limited = (reading(case_of(storage).encode(), limits=each) for each in (FULL, ENOUGH))
    assert np.array_equal(full.pixels, limited.pixels)
    assert full.pixel_digest == limited.pixel_digest is not None


def smooth(rows: int = 300, columns: int = 260) -> npt.NDArray[np.uint16]:
    y, x = np.mgrid[:rows, :columns]
    return np.asarray(1500 + 1000 * np.sin(x / 40) * np.cos(y / 50), np.uint16)


def jpeg_2000(picture: npt.NDArray[np.uint16], **options: object) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            picture, codecformat="J2K", reversible=True, bitspersample=12, **options
        )
    )


def in_dicom(picture: npt.NDArray[np.uint16], frame: bytes, **elements: object) -> bytes:
    return make_dicom(picture, syntax=JPEG2000Lossless, frames=[frame], BitsStored=12, **elements)


SMALL = ReadLimits(enough_px=64)


def test_files_with_padding_are_read_at_full_size(
    reading: Callable[..., Radiograph],
) -> None:
    picture = smooth()
    picture[:, :60] = 0
    frame = jpeg_2000(picture)
    assert reading(in_dicom(picture, frame), limits=SMALL).pixels.shape == (75 + 1, 65 + 1)
    padded = in_dicom(picture, frame, PixelPaddingValue=0)
    assert reading(padded, limits=SMALL).pixels.shape == picture.shape


def test_an_image_is_reduced_no_further_than_its_levels(
    reading: Callable[..., Radiograph],
) -> None:
    picture = smooth()
    data = in_dicom(picture, jpeg_2000(picture, resolutions=2))
    assert reading(data, limits=SMALL).to_source[0, 0] == 2.0
    data = in_dicom(picture, jpeg_2000(picture, resolutions=1))
    assert reading(data, limits=SMALL).pixel_digest is not None


def test_tiles_of_a_reduced_image_join_without_a_seam(reading: Callable[..., Radiograph]) -> None:
    picture = (smooth() >> 4).astype(np.uint8)
    images = []
    for options in ({}, {"tile_size": (100, 90)}):
        frame = io.BytesIO()
        Image.fromarray(picture).save(frame, "JPEG2000", no_jp2=True, **options)
        data = make_dicom(picture, syntax=JPEG2000Lossless, frames=[frame.getvalue()])
        images.append(reading(data, limits=SMALL).pixels.astype(int))
    assert images[0].shape == images[1].shape == (75 + 1, 65 + 1)
    assert np.abs(images[0] - images[1]).max() <= 4


def test_a_small_detail_on_a_uniform_image_is_read_at_full_size(
    reading: Callable[..., Radiograph],
) -> None:
    picture = np.full((400, 400), 1000, np.uint16)
    with pytest.raises(UniformPixels):
        reading(in_dicom(picture, jpeg_2000(picture)), limits=SMALL)
    picture[201, 203] = 1001
    image = reading(in_dicom(picture, jpeg_2000(picture)), limits=SMALL)
    assert image.pixels.shape == (400, 400)
    assert image.pixel_digest is not None


#: Copies of each radiograph, each with different bytes changed.
COPIES = 40


@pytest.mark.parametrize("name", ["lossless", "lossy", "high-throughput", "baseline", "jpeg"])
def test_a_damaged_file_has_the_same_code_at_reduced_and_full_size(
    name: str, tmp_path: Path
) -> None:
    storage = STORAGES.get(name, Storage(HTJ2KLossless, bits=16))
    whole = case_of(storage, rows=301, columns=283).encode()
    start = max(whole.find(b"\xff\x4f\xff\x51"), whole.find(b"\xff\xd8\xff"), 0)
    rng = np.random.default_rng(len(name))
    path = tmp_path / "film"
    codes = set()
    for copy in range(COPIES):
        spoilt = np.frombuffer(whole, np.uint8).copy()
        end = (start + 200, len(spoilt))[copy % 2]
        length = (1, 1, 32, 300)[copy % 4]
        at = int(rng.integers(start, end - (length if end == len(spoilt) else 0)))
        spoilt[at : at + length] = rng.integers(0, 128, length)
        path.write_bytes(spoilt.tobytes()[: len(spoilt) if copy % 7 else at])
        full, reduced = code_of(path, FULL), code_of(path, SMALL)
        assert full == reduced
        codes.add(full)
    assert {None, "undecodable-pixels"} <= codes


def code_of(path: Path, limits: ReadLimits) -> str | None:
    try:
        read(path, limits)
    except RadiographError as exc:
        return exc.code
    return None


@pytest.mark.parametrize("name", ["chest_pa_monochrome1_j2k", "chest_pa_jpeg_baseline_8bit"])
def test_a_real_chest_gives_the_same_input_at_reduced_size(name: str, real_dicom: Path) -> None:
    full, reduced = (read(real_dicom / f"{name}.dcm", limits) for limits in (FULL, ENOUGH))
    assert reduced.to_source[0, 0] == 2.0
    assert reduced.header == full.header
    squares = [prepare(each.pixels, extent=each.extent).pixels for each in (full, reduced)]
    difference = np.abs(squares[0].astype(int) - squares[1])
    assert difference.mean() <= MOST_ON_AVERAGE
    assert difference.max() <= MOST_ANYWHERE
