"""Reading of phantoms with known truth in every storage, and of real files where present."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radiograph.image import Radiograph
from radiograph.landmarks import Landmark
from radiograph.phantom.cases import FIRST_ROUND, Case, draw_cases
from radiograph.phantom.encoding import Storage
from radiograph.reading import ReadLimits, read
from radiograph.records import SpacingSource, View

LIMITS = ReadLimits(max_file_bytes=64 << 20, max_pixels=10_000_000, min_side_px=128)
CASES = draw_cases(len(FIRST_ROUND), seed=3)
LOSSY = {"jpeg", "jpeg-exif"}


def name_of(case: Case) -> str:
    return case.storage if isinstance(case.storage, str) else case.storage.syntax.name


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_phantom_is_read_as_it_was_drawn(case: Case, reading: Callable[..., Radiograph]) -> None:
    radiograph = reading(case.encode(), Path(case.path).name, LIMITS)
    picture = case.picture().astype(np.float64)
    pixels = radiograph.pixels.astype(np.float64)
    assert radiograph.pixels.shape == picture.shape
    assert np.corrcoef(picture.ravel(), pixels.ravel())[0, 1] > 0.999
    if isinstance(case.storage, Storage):
        # Between black and white grey levels are a linear function of the image.
        inside = (pixels > 0) & (pixels < np.iinfo(radiograph.pixels.dtype).max)
        slope, start = np.polyfit(picture[inside], pixels[inside], 1)
        step = slope * 65535 / (2**case.storage.bits - 1)
        lossy = 6 * step if case.storage.bits == 8 else 1.01 * step
        assert np.abs(slope * picture[inside] + start - pixels[inside]).max() <= lossy
    elif case.storage not in LOSSY:
        drawn = case.picture() >> 8 if radiograph.pixels.dtype == np.uint8 else case.picture()
        assert np.array_equal(radiograph.pixels, drawn)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_points_on_the_upright_image_map_back_to_the_file(
    case: Case, reading: Callable[..., Radiograph]
) -> None:
    radiograph = reading(case.encode(), Path(case.path).name, LIMITS)
    upright = case.anatomy.points(case.rows, case.columns)
    with_one = np.concatenate([upright, np.ones((len(Landmark), 1))], axis=1)
    assert np.abs(with_one @ radiograph.to_source.T - case.points()).max() < 1e-9
    assert radiograph.to_source.dtype == np.float64
    turned = case.storage == "jpeg-exif"
    shape = (case.columns, case.rows) if turned else (case.rows, case.columns)
    assert (radiograph.header.rows, radiograph.header.columns) == shape


@pytest.mark.parametrize(
    "case", [case for case in CASES if isinstance(case.storage, Storage)], ids=name_of
)
def test_a_phantoms_header_is_read(case: Case, reading: Callable[..., Radiograph]) -> None:
    header = reading(case.encode(), Path(case.path).name, LIMITS).header
    assert isinstance(case.storage, Storage)
    assert header.patient_id == case.study.patient_id
    assert header.study_uid == case.study.study_uid
    assert header.study_date == case.study.day
    assert header.view == (case.study.view or View.UNKNOWN)
    assert header.bits_stored == case.storage.bits
    assert header.transfer_syntax == (case.storage.syntax if case.storage.preamble else None)
    if case.storage.spacing in {"zero", "none"}:
        assert header.spacing is None
    else:
        assert header.spacing is not None
        assert header.spacing.column_mm == pytest.approx(case.spacing_mm, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "shape", "view"),
    [
        ("chest_pa_monochrome1_j2k.dcm", (1955, 1841), View.PA),
        ("chest_no_preamble_implicit_le_mono1_10bit.dcm", (440, 440), View.PA),
        ("chest_pa_jpeg_baseline_8bit.dcm", (1024, 1024), View.PA),
    ],
)
def test_a_real_chest_is_upright_and_its_air_is_black(
    name: str, shape: tuple[int, int], view: View, real_dicom: Path
) -> None:
    radiograph = read(real_dicom / name, LIMITS)
    pixels = radiograph.pixels.astype(np.float64) / np.iinfo(radiograph.pixels.dtype).max
    rows, columns = pixels.shape
    assert (rows, columns) == shape
    assert radiograph.header.view is view
    middle = pixels[rows // 3 : rows // 2]
    spine = middle[:, int(0.47 * columns) : int(0.53 * columns)].mean()
    right_lung = middle[:, int(0.2 * columns) : int(0.35 * columns)].mean()
    left_lung = middle[:, int(0.68 * columns) : int(0.8 * columns)].mean()
    assert spine > right_lung + 0.1
    assert spine > left_lung + 0.1
    # The heart is on the patient's left, which is image right; the abdomen is below.
    low = pixels[int(0.55 * rows) : int(0.7 * rows)]
    heart = low[:, int(0.55 * columns) : int(0.68 * columns)].mean()
    assert heart > low[:, int(0.25 * columns) : int(0.38 * columns)].mean() + 0.05
    assert pixels[int(0.85 * rows) :].mean() > pixels[rows // 3 : rows // 2].mean()


def test_a_spacing_of_zero_is_absent_and_one_in_millimetres_is_read(real_dicom: Path) -> None:
    assert read(real_dicom / "chest_pa_monochrome1_j2k.dcm", LIMITS).header.spacing is None
    spacing = read(real_dicom / "chest_pa_jpeg_baseline_8bit.dcm", LIMITS).header.spacing
    assert spacing is not None
    assert (spacing.row_mm, spacing.column_mm) == (0.168, 0.168)
    assert spacing.source is SpacingSource.PIXEL_SPACING


def test_a_real_leg_is_read_with_its_body_part(real_dicom: Path) -> None:
    radiograph = read(real_dicom / "leg_ap_not_a_chest.dcm", LIMITS)
    assert radiograph.header.body_part == "EXTREMITY"
    # Stored as R\F: mirrored, so that column 0 is the patient's right.
    assert radiograph.to_source.tolist() == [[-1.0, 0.0, 1759.0], [0.0, 1.0, 0.0]]


def test_an_age_without_a_unit_is_in_years(real_dicom: Path) -> None:
    assert read(real_dicom / "chest_pa_jpeg_baseline_8bit.dcm", LIMITS).header.age_years == 62
