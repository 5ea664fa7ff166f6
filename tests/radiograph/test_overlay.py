"""Positions of marks, text of captions, and layout of sheets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from radiograph.calibration import Calibration
from radiograph.captions import RULES, index_text, quality_text, rule_text
from radiograph.image import Radiograph
from radiograph.landmarks import ANATOMICAL, Landmark
from radiograph.measurement import measure, to_file
from radiograph.measures.ict import NOT_MEASURED
from radiograph.overlay import (
    ALERT,
    ANATOMY,
    BUCKETS,
    HEART,
    THORAX,
    draw,
    to_upright,
)
from radiograph.phantom import draw_anatomy
from radiograph.picture import windowed_image
from radiograph.records import (
    Bucket,
    BucketBasis,
    Header,
    IctRule,
    IctThresholds,
    ImageFormat,
    Measurement,
    PixelSpacing,
    SpacingSource,
    View,
)
from radiograph.sheet import GAP_PX, GROUND, contact_sheet

ROWS, COLUMNS, SIDE = 448, 400, 896
UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
MIRRORED = np.array([[-1.0, 0.0, COLUMNS - 1.0], [0.0, 1.0, 0.0]])
#: The file is rotated by 90 degrees and has twice the size.
TURNED = np.array([[0.0, -2.0, 2.0 * ROWS - 1.0], [2.0, 0.0, 0.0]])
POINTS = draw_anatomy(np.random.default_rng(0)).points(ROWS, COLUMNS)
CALIBRATION = Calibration("test", ((2.0, 3.0), (10.0, 13.0)), 1.5, 1.2)
HEADER = Header(ImageFormat.DICOM, ROWS, COLUMNS, view=View.PA, age_years=50.0)


def black(to_source: np.ndarray = UPRIGHT) -> Radiograph:
    return Radiograph(np.zeros((ROWS, COLUMNS), np.uint8), HEADER, to_source, "digest")


def measured(
    to_source: np.ndarray = UPRIGHT,
    header: Header = HEADER,
    calibration: Calibration | None = CALIBRATION,
) -> Measurement:
    return measure(
        POINTS,
        np.full(19, 8.0),
        to_source=to_source,
        header=header,
        frontal_probability=0.99,
        calibration=calibration,
        thresholds=IctThresholds(),
    )


def colour_mask(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    return np.asarray((np.asarray(picture).astype(int) == colour).all(axis=2))


def on_picture(index: int) -> tuple[float, float]:
    x, y = (POINTS[index] + 0.5) * (SIDE / ROWS) - 0.5
    return float(x), float(y)


@pytest.mark.parametrize("to_source", [UPRIGHT, MIRRORED, TURNED], ids=["as is", "mirror", "turn"])
def test_every_point_is_drawn_at_its_position_for_every_orientation(to_source: np.ndarray) -> None:
    picture = draw(black(to_source), measured(to_source), SIDE)
    for index in ANATOMICAL:
        x, y = on_picture(index)
        assert picture.getpixel((round(x), round(y))) == ANATOMY


def test_points_of_the_file_are_converted_to_upright_pixels() -> None:
    there = to_file(POINTS, TURNED)
    back = to_upright([(float(x), float(y)) for x, y in there], TURNED)
    assert np.allclose(back, POINTS, atol=1e-9)


@pytest.mark.parametrize("to_source", [UPRIGHT, MIRRORED], ids=["as is", "mirror"])
@pytest.mark.parametrize(
    ("right", "left", "colour"),
    [
        (Landmark.HEART_RIGHT, Landmark.HEART_LEFT, HEART),
        (Landmark.THORAX_RIGHT, Landmark.THORAX_LEFT, THORAX),
    ],
    ids=["heart", "thorax"],
)
def test_a_calliper_line_is_as_long_as_its_width(
    to_source: np.ndarray, right: Landmark, left: Landmark, colour: tuple[int, int, int]
) -> None:
    picture = draw(black(to_source), measured(to_source), SIDE)
    level = round((on_picture(right)[1] + on_picture(left)[1]) / 2)
    drawn = np.flatnonzero(colour_mask(picture, colour)[level])
    # Half the width of each end tick is beyond the end.
    assert drawn[0] == pytest.approx(on_picture(right)[0], abs=3)
    assert drawn[-1] == pytest.approx(on_picture(left)[0], abs=3)


def test_a_ring_is_one_standard_deviation_wide() -> None:
    picture = np.asarray(draw(black(), replace(measured(), spreads=(10.0,) * 19), SIDE))
    x, y = on_picture(Landmark.L1_MIDLINE_APEX)
    upwards = picture[: round(y) - 10, round(x)].max(axis=1)
    assert round(y) - int(upwards.argmax()) == pytest.approx(10.0 * SIDE / 224, abs=2)


def test_the_longer_side_of_the_picture_has_the_requested_length() -> None:
    for side in (320, 768):
        picture = draw(black(), measured(), side)
        assert picture.width == round(COLUMNS * side / ROWS)
        assert picture.height > side


@pytest.mark.parametrize("shape", [(4000, 40), (40, 4000), (1, 1)])
def test_unusual_shapes_are_drawn_with_a_legible_caption(shape: tuple[int, int]) -> None:
    strip = Radiograph(np.zeros(shape, np.uint16), HEADER, UPRIGHT, "digest")
    assert draw(strip, measured(), 320, title="a strip").width >= 160


def test_the_window_spans_black_to_white_at_any_bit_depth() -> None:
    faint = np.linspace(30_000, 31_000, 10_000).reshape(100, 100).astype(np.uint16)
    assert windowed_image(faint).getextrema() == (0, 255)


def test_a_uniform_image_keeps_its_grey() -> None:
    assert windowed_image(np.zeros((8, 8), np.uint16)).getextrema() == (0, 0)
    assert windowed_image(np.full((8, 8), 255, np.uint8)).getextrema() == (255, 255)


def test_a_few_hot_pixels_do_not_darken_the_picture() -> None:
    pixels = np.tile(np.arange(0, 200, dtype=np.uint16), (200, 1))
    pixels[0, :8] = 65_535
    assert np.asarray(windowed_image(pixels)).mean() > 100


@pytest.mark.parametrize("bucket", list(Bucket))
@pytest.mark.parametrize("basis", list(BucketBasis))
@pytest.mark.parametrize("side", [320, 768])
def test_every_bucket_is_drawn_in_its_colour(bucket: Bucket, basis: BucketBasis, side: int) -> None:
    picture = draw(black(), replace(measured(), bucket=bucket, bucket_basis=basis), side)
    assert picture.getpixel((0, picture.height - 1)) == BUCKETS[bucket]


@pytest.mark.parametrize("rule", list(IctRule))
def test_every_rule_has_a_text(rule: IctRule) -> None:
    ict = replace(measured().ict, rule=rule, threshold=None, enlarged=None)
    assert rule_text(ict) == RULES[rule]
    draw(black(), replace(measured(), ict=ict), 320)


def test_an_enlarged_heart_is_shown_in_colour_and_text() -> None:
    ict = replace(measured().ict, value=0.58, threshold=0.5, enlarged=True, rule=IctRule.ADULT_PA)
    assert rule_text(ict) == "Enlarged: the adult PA threshold is 0.500"
    assert colour_mask(draw(black(), replace(measured(), ict=ict)), ALERT).any()
    normal = replace(ict, value=0.48, enlarged=False)
    assert rule_text(normal) == "Not enlarged: the adult PA threshold is 0.500"
    assert not colour_mask(draw(black(), replace(measured(), ict=normal)), ALERT).any()


def test_rounding_never_shows_an_index_equal_to_the_threshold() -> None:
    ict = replace(measured().ict, value=0.503, low=None, high=None, threshold=0.5)
    assert index_text(ict) == "ICT 0.503"
    assert index_text(replace(ict, value=0.52)) == "ICT 0.520"


def test_the_interval_is_shown_with_the_index() -> None:
    ict = replace(measured().ict, value=0.52, low=0.48, high=0.56)
    assert index_text(ict) == "ICT 0.520 (0.480 to 0.560 at 95 %)"


def test_the_expected_error_is_labelled_as_expected() -> None:
    judged = replace(
        measured(),
        bucket=Bucket.VERY_GOOD,
        bucket_basis=BucketBasis.TRUE,
        expected_error_px224=6.24,
        expected_error_high_px224=9.1,
    )
    assert quality_text(judged) == (
        "Very good (true): expected error 6.2 px of a 224 frame, 90 % under 9.1"
    )
    bare = replace(judged, expected_error_px224=None, expected_error_high_px224=None)
    assert quality_text(bare) == "Very good (true)"


def test_a_measurement_without_calibration_is_drawn_as_unrated() -> None:
    unrated = measured(calibration=None)
    assert quality_text(unrated) == "Unrated: the network has no calibration"
    picture = draw(black(), unrated)
    assert picture.getpixel((0, picture.height - 1)) == BUCKETS[Bucket.UNRATED]


def test_a_missing_index_is_stated_in_the_caption() -> None:
    assert index_text(NOT_MEASURED) == "ICT not measured"
    for side in (320, 768):
        draw(black(), replace(measured(), ict=NOT_MEASURED), side)


def test_widths_are_written_in_millimetres_only_where_the_spacing_is_known() -> None:
    spacing = PixelSpacing(0.5, 0.5, SpacingSource.PIXEL_SPACING)
    known, unknown = measured(header=replace(HEADER, spacing=spacing)), measured()
    assert known.ict.heart_width_mm is not None
    assert unknown.ict.heart_width_mm is None
    assert draw(black(), known).tobytes() != draw(black(), unknown).tobytes()


def test_a_title_of_any_length_fits_on_the_picture() -> None:
    plain = draw(black(), measured(), 320)
    titled = draw(black(), measured(), 320, title="a long name\nof a file " * 20)
    assert titled.size == plain.size
    assert titled.tobytes() != plain.tobytes()


def tile(width: int, height: int, red: int) -> Image.Image:
    return Image.new("RGB", (width, height), (red, 0, 0))


def tile_box(sheet: Image.Image, red: int) -> tuple[int, int, int, int]:
    """Return (left, top, width, height) of the tile of that colour."""
    places = np.argwhere(colour_mask(sheet, (red, 0, 0)))
    (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0)
    return int(left), int(top), int(right - left + 1), int(bottom - top + 1)


def test_a_sheet_arranges_tiles_row_by_row_with_even_gaps() -> None:
    sheet = contact_sheet([tile(300, 200, 100 + i) for i in range(5)], 3, "Five")
    assert sheet.width == 3 * 300 + 4 * GAP_PX
    boxes = [tile_box(sheet, 100 + i) for i in range(5)]
    step = 300 + GAP_PX
    first, second = sheet.height - 2 * (200 + GAP_PX), sheet.height - (200 + GAP_PX)
    upper = [(GAP_PX + i * step, first, 300, 200) for i in range(3)]
    lower = [(GAP_PX + i * step, second, 300, 200) for i in range(2)]
    assert boxes == upper + lower


def test_tiles_of_different_sizes_keep_their_size() -> None:
    sheet = contact_sheet([tile(300, 200, 101), tile(200, 350, 102)], 2, "Two")
    assert tile_box(sheet, 101)[2:] == (300, 200)
    assert tile_box(sheet, 102)[2:] == (200, 350)


@pytest.mark.parametrize("repeats", [0, 1, 4, 40])
def test_a_title_of_any_length_fits_on_the_sheet(repeats: int) -> None:
    sheet = contact_sheet([tile(80, 80, 120)], 6, "A batch " + "with a long title " * repeats)
    title = np.asarray(sheet)[: sheet.height - 80 - GAP_PX, :, 1]
    ink = np.flatnonzero((title > 60).any(axis=0))
    assert ink[0] >= GAP_PX
    assert ink[-1] < sheet.width - GAP_PX
    assert sheet.getpixel((0, 0)) == GROUND


def test_an_empty_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one tile"):
        contact_sheet([], 3, "Nothing")
    with pytest.raises(ValueError, match="one column"):
        contact_sheet([tile(8, 8, 9)], 0, "No column")


@pytest.mark.parametrize("size", [(128, 128), (3000, 2200), (2000, 400), (300, 2400), (40, 900)])
@pytest.mark.parametrize("side", [480, 1024])
def test_no_text_is_cut_at_an_edge(
    size: tuple[int, int], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = size
    drawn: list[tuple[tuple[float, ...], tuple[int, int]]] = []
    write = ImageDraw.ImageDraw.text

    def spied(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, **how: Any) -> None:
        options = {name: how[name] for name in ("font", "anchor", "stroke_width") if name in how}
        drawn.append((pen.textbbox(at, text, **options), pen.im.size))
        write(pen, at, text, **how)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spied)
    corners = [(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)]
    for corner in corners:
        points = tuple((float(corner[0]), float(corner[1])) for _ in range(19))
        image = Radiograph(np.zeros(size, np.uint8), HEADER, UPRIGHT, "digest")
        draw(image, replace(measured(), points=points), side, "radiograph 17: " + "name" * 60)
    assert len(drawn) > 4 * 15
    for box, whole in drawn:
        assert box[0] >= 0, (box, whole)
        assert box[1] >= 0, (box, whole)
        assert box[2] <= whole[0], (box, whole)
        assert box[3] <= whole[1], (box, whole)
