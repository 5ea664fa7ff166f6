"""The index, its rule, the expected error and the bucket."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from radiograph.calibration import Calibration, propagated_ict_sd, true_error_px224
from radiograph.errors import LateralView, NotAChest, NotARadiograph, OtherBodyPart
from radiograph.frontal import FrontalLimits, check_header, check_prediction
from radiograph.landmarks import MIDLINE, PAIRS, Landmark
from radiograph.measurement import measure, to_file
from radiograph.measures.ict import is_outdated, judge
from radiograph.measures.quality import bucket
from radiograph.phantom import draw_anatomy
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

UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
CALIBRATION = Calibration("test", ((2.0, 3.0), (10.0, 13.0)), 1.5, 1.2)


def header(**changes: object) -> Header:
    values: dict[str, object] = {
        "format": ImageFormat.DICOM,
        "rows": 448,
        "columns": 400,
        "view": View.PA,
        "age_years": 50.0,
    }
    return Header(**{**values, **changes})  # type: ignore[arg-type]


def chest(heart: float = 120.0, thorax: float = 300.0) -> np.ndarray:
    points = draw_anatomy(np.random.default_rng(0)).points(448, 400)
    points[Landmark.HEART_RIGHT, 0] = 150.0
    points[Landmark.HEART_LEFT, 0] = 150.0 + heart
    points[Landmark.THORAX_RIGHT, 0] = 40.0
    points[Landmark.THORAX_LEFT, 0] = 40.0 + thorax
    return points


def measured(
    points: np.ndarray, head: Header, thresholds: IctThresholds | None = None
) -> Measurement:
    return measure(
        points,
        np.full(19, 8.0),
        to_source=UPRIGHT,
        header=head,
        frontal_probability=0.99,
        calibration=CALIBRATION,
        thresholds=thresholds or IctThresholds(),
    )


@pytest.mark.parametrize(
    ("view", "age", "rule", "threshold"),
    [
        (View.PA, 50.0, IctRule.ADULT_PA, 0.50),
        (View.PA, 18.0, IctRule.ADULT_PA, 0.50),
        (View.PA, 17.9, IctRule.NONE_CHILD, None),
        (View.PA, 1.0, IctRule.NONE_CHILD, None),
        (View.PA, 0.5, IctRule.INFANT_PA, 0.60),
        (View.PA, 27.9 / 365.25, IctRule.NEWBORN_PA, 0.66),
        (View.PA, 27 / 365.25, IctRule.NEWBORN_PA, 0.66),
        (View.PA, 28 / 365.25, IctRule.INFANT_PA, 0.60),
        (View.PA, 29 / 365.25, IctRule.INFANT_PA, 0.60),
        (View.PA, None, IctRule.NONE_AGE_UNKNOWN, None),
        (View.AP, 50.0, IctRule.NONE_AP, None),
        (View.UNKNOWN, 50.0, IctRule.NONE_VIEW_UNKNOWN, None),
    ],
)
def test_a_threshold_is_applied_only_where_view_and_age_allow_it(
    view: View, age: float | None, rule: IctRule, threshold: float | None
) -> None:
    ict = measured(chest(heart=186), header(view=view, age_years=age)).ict
    assert ict.value == pytest.approx(0.62)
    assert (ict.rule, ict.threshold) == (rule, threshold)
    assert ict.enlarged is (None if threshold is None else threshold < 0.62)


def test_unknown_age_and_view_can_be_treated_as_adult_and_pa() -> None:
    lines = IctThresholds(assume_adult=True, assume_pa=True, adult=0.55)
    ict = measured(chest(heart=160), header(view=View.UNKNOWN, age_years=None), lines).ict
    assert (ict.rule, ict.threshold, ict.enlarged) == (IctRule.ADULT_PA, 0.55, False)


def test_an_ap_view_has_no_threshold_with_any_setting() -> None:
    lines = IctThresholds(assume_adult=True, assume_pa=True)
    ict = measured(chest(heart=186), header(view=View.AP), lines).ict
    assert (ict.rule, ict.threshold, ict.enlarged) == (IctRule.NONE_AP, None, None)


def test_a_known_age_is_used_with_any_setting() -> None:
    lines = IctThresholds(assume_adult=True, assume_pa=True)
    for age, rule in ((0.5, IctRule.INFANT_PA), (9.0, IctRule.NONE_CHILD)):
        assert measured(chest(heart=186), header(age_years=age), lines).ict.rule is rule


@pytest.mark.parametrize(
    ("heart", "rule"),
    [
        (57, IctRule.NONE_INVALID),
        (60, IctRule.ADULT_PA),
        (63, IctRule.ADULT_PA),
        (282, IctRule.ADULT_PA),
        (285, IctRule.ADULT_PA),
        (288, IctRule.NONE_INVALID),
    ],
)
def test_a_threshold_is_applied_to_a_plausible_index(heart: float, rule: IctRule) -> None:
    ict = measured(chest(heart=heart), header()).ict
    assert ict.value == pytest.approx(heart / 300)
    assert ict.rule is rule
    assert (ict.enlarged is None) == (rule is IctRule.NONE_INVALID)


def test_an_index_equal_to_the_threshold_is_not_enlarged() -> None:
    assert measured(chest(heart=150), header()).ict.enlarged is False


def test_swapped_callipers_give_no_index_and_an_implausible_index_no_threshold() -> None:
    wrong = measured(chest(heart=-5), header()).ict
    assert (wrong.value, wrong.rule, wrong.enlarged) == (None, IctRule.NONE_INVALID, None)
    absurd = measured(chest(heart=298), header()).ict
    assert absurd.value == pytest.approx(298 / 300)
    assert (absurd.rule, absurd.enlarged) == (IctRule.NONE_INVALID, None)


def test_widths_are_in_source_pixels_and_in_millimetres_along_the_patients_axis() -> None:
    spacing = PixelSpacing(0.2, 0.5, SpacingSource.PIXEL_SPACING)
    turned = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    for to_source, mm in ((UPRIGHT, 0.5), (turned, 0.2)):
        ict = measure(
            chest(),
            np.full(19, 8.0),
            to_source=to_source,
            header=header(spacing=spacing),
            frontal_probability=None,
            calibration=None,
            thresholds=IctThresholds(),
        ).ict
        assert ict.heart_width_px == pytest.approx(120)
        assert ict.heart_width_mm == pytest.approx(120 * mm)
        assert ict.thorax_width_mm == pytest.approx(300 * mm)
        assert ict.sd is None
    assert measured(chest(), header()).ict.heart_width_mm is None


def test_points_come_out_in_the_pixels_of_a_mirrored_file() -> None:
    mirrored = np.array([[-1.0, 0.0, 399.0], [0.0, 1.0, 0.0]])
    points = chest()
    placed = to_file(points, mirrored)
    assert np.allclose(placed[:, 0], 399 - points[:, 0])
    assert np.allclose(placed[:, 1], points[:, 1])


def test_spreads_and_expected_error_are_in_the_224_frame() -> None:
    measurement = measured(chest(), header())
    assert measurement.spreads == pytest.approx((4.0,) * 19)
    assert measurement.expected_error_px224 == pytest.approx(5.5)
    assert measurement.expected_error_high_px224 == pytest.approx(8.25)
    assert (measurement.bucket, measurement.bucket_basis) == (
        Bucket.VERY_GOOD,
        BucketBasis.EXPECTED,
    )


def test_the_interval_of_the_index_follows_its_callipers() -> None:
    ict = measured(chest(), header()).ict
    assert ict.sd == pytest.approx(propagated_ict_sd(chest(), np.full(19, 8.0)) * 1.2)
    assert ict.low == pytest.approx(ict.value - 1.96 * ict.sd)
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 2, (20000, 4))
    base = chest()[15:, 0]
    drawn = base + noise
    index = (drawn[:, 1] - drawn[:, 0]) / (drawn[:, 3] - drawn[:, 2])
    assert propagated_ict_sd(chest(), np.full(19, 2.0)) == pytest.approx(index.std(), rel=0.03)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (0.0, Bucket.EXCELLENT),
        (4.999, Bucket.EXCELLENT),
        (5.0, Bucket.VERY_GOOD),
        (8.5, Bucket.GOOD),
        (15.0, Bucket.REVIEW),
        (None, Bucket.UNRATED),
    ],
)
def test_buckets_begin_at_their_stated_bounds(error: float | None, expected: Bucket) -> None:
    assert bucket(error) is expected


def test_a_calibration_grows_beyond_its_last_knot() -> None:
    assert CALIBRATION.expected_error(1.0) == 3.0
    assert CALIBRATION.expected_error(6.0) == pytest.approx(8.0)
    assert CALIBRATION.expected_error(20.0) == pytest.approx(26.0)


def test_a_calibration_is_parsed_and_an_invalid_one_refused() -> None:
    table = {"id": "a", "knots": [[1, 2], [2, 3]], "upper_ratio": 1.4, "ict_sd_factor": None}
    assert Calibration.from_mapping(table).knots == ((1.0, 2.0), (2.0, 3.0))
    for wrong in ({}, {**table, "knots": []}, {**table, "knots": [[2, 3], [1, 2]]}):
        with pytest.raises(ValueError, match="calibration"):
            Calibration.from_mapping(wrong)


def test_the_true_error_is_stated_in_the_224_frame() -> None:
    truth = chest()
    off = truth + np.array([6.0, 8.0])
    assert true_error_px224(off, truth, 448, 400) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"modality": "CT"}, NotARadiograph),
        ({"body_part": "EXTREMITY"}, OtherBodyPart),
        ({"body_part": "LEFT HAND"}, OtherBodyPart),
        ({"body_part": "THORACIC SPINE"}, OtherBodyPart),
        ({"body_part": "Muñeca"}, OtherBodyPart),
        ({"view": View.LATERAL}, LateralView),
    ],
)
def test_a_header_of_another_body_part_view_or_modality_is_set_aside(
    changes: dict[str, object], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        check_header(header(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"modality": "CR", "body_part": "CHEST"},
        {"modality": None, "body_part": None, "view": View.UNKNOWN},
        {"modality": "DX", "body_part": "TORAX"},
        {"body_part": "CHEST_ABDOMEN"},
        {"body_part": "UNSPECIFIED"},
        {"body_part": "Tórax"},
    ],
)
def test_an_inconclusive_header_is_decided_by_the_network(changes: dict[str, object]) -> None:
    head = header(**changes)
    check_header(head)
    assert measured(chest(), head).ict.value == pytest.approx(0.4)


def test_the_network_refuses_images_other_than_a_chest() -> None:
    good, spreads = chest(), np.full(19, 4.0)
    check_prediction(good, spreads, 0.9)
    swapped = good.copy()
    right, left = PAIRS[0]
    swapped[[right, left]] = swapped[[left, right]]
    overturned = good.copy()
    overturned[list(MIDLINE), 1] = overturned[list(MIDLINE), 1][::-1]
    for points, vague, probability in (
        (good, spreads, 0.1),
        (good, spreads * 10, 0.9),
        (swapped, spreads, 0.9),
        (overturned, spreads, 0.9),
    ):
        with pytest.raises(NotAChest):
            check_prediction(points, vague, probability, FrontalLimits())


def test_a_result_is_outdated_if_settings_give_another_rule_or_threshold() -> None:
    settings = [
        IctThresholds(assume_pa=pa, assume_adult=adult, adult=line, infant=line + 0.1)
        for pa in (False, True)
        for adult in (False, True)
        for line in (0.5, 0.4)
    ]
    headers = [(view, age) for view in View for age in (None, 0.01, 0.5, 9.0, 40.0)]
    cases = set()
    for before, after in itertools.product(settings, settings):
        for (view, age), value in itertools.product(headers, (0.45, 0.55, 0.99, None)):
            judged = judge(value, view, age, before)
            outdated = is_outdated(
                judged,
                view_unknown=view not in {View.PA, View.AP},
                age_unknown=age is None,
                thresholds=after,
            )
            assert outdated == (judge(value, view, age, after)[:2] != judged[:2]), (view, age)
            cases.add((judged.rule, outdated))
    assert (
        len(cases) == 2 * len(IctRule) - 2
    )  # AP and implausible indices do not depend on settings
