"""Detection of negatives by pixels, on chests and their negatives."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radiograph.image import Radiograph
from radiograph.phantom.anatomy import draw_anatomy
from radiograph.phantom.projection import project
from radiograph.reading.polarity import is_negative
from testbed.dicom_files import make_dicom

LANDMARKS = Path(__file__).parents[3] / "shared" / "data" / "landmarks15"


@pytest.mark.parametrize("seed", range(12))
def test_a_negative_is_detected(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chest = project(draw_anatomy(rng, portable=seed % 3 == 0), 300, 260, rng)
    assert not is_negative(chest)
    assert is_negative(65535 - chest)


@pytest.mark.parametrize("border", [0, 65535])
def test_a_border_does_not_matter(border: int) -> None:
    rng = np.random.default_rng(3)
    chest = np.pad(
        project(draw_anatomy(rng), 300, 260, rng), ((20, 90), (40, 10)), constant_values=border
    )
    assert not is_negative(chest)
    assert is_negative(65535 - chest)


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")]
)
def test_a_contradictory_header_is_resolved_by_the_pixels(
    photometric: str, shape: str, reading: Callable[..., Radiograph]
) -> None:
    rng = np.random.default_rng(3)
    chest = (project(draw_anatomy(rng), 300, 260, rng) >> 4).astype(np.uint16)
    elements = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape}
    for stored in (chest, 4095 - chest):
        read = reading(make_dicom(stored, **elements))
        assert np.corrcoef(read.pixels.ravel(), chest.ravel())[0, 1] > 0.9
        assert read.header.reading_note is not None


def test_negatives_of_real_chests_are_detected() -> None:
    if not LANDMARKS.is_dir():
        pytest.skip("the real radiographs of ../shared/data are not on this machine")
    with (LANDMARKS / "landmarks.csv").open(encoding="utf-8") as file:
        names = [row["image"] for row in csv.DictReader(file)][::8]
    assert len(names) > 100
    for name in names:
        [path] = LANDMARKS.glob(f"images/{name}*")
        chest = np.asarray(Image.open(path).convert("L"))
        assert not is_negative(chest), name
        assert is_negative(255 - chest), name
