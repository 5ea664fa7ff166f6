"""Metrics of an evaluation, on predictions with known errors."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from network.input import INPUT_SIDE_PX, fit_affine
from radiograph.calibration import Calibration
from radiograph.measurement import measure
from radiograph.records import Bucket, Header, IctThresholds, ImageFormat
from tests.training.spots import spots
from training.evaluate.agreement import ict_figures
from training.evaluate.calibration import LEAST_ICT_CASES, calibrate
from training.evaluate.cases import list_cases, worst_indices, worst_landmarks
from training.evaluate.consistency import consistency_figures
from training.evaluate.intervals import bootstrap_interval, limit_half_width, share_of
from training.evaluate.landmarks import landmark_figures
from training.evaluate.models import take_figures
from training.evaluate.predictions import Predictions
from training.evaluate.reliability import measure_predictions, reliability_figures
from training.report.terminal import share_text
from training.samples import Samples

#: A calibration in which the expected error is the mean spread.
PLAIN = Calibration("plain", ((0.0, 0.0), (100.0, 100.0)), upper_ratio=1.5, ict_sd_factor=1.0)
SCALE = 224 / INPUT_SIDE_PX


def truth(count: int = 12) -> Samples:
    """Return radiographs, half with landmarks and half with plausible callipers."""
    samples = spots(INPUT_SIDE_PX, count)
    rng = np.random.default_rng(1)
    points = samples.points.copy()
    for i in range(count // 2, count):
        middle, heart = rng.uniform(20, 26), rng.uniform(18, 32)
        points[i, 15:, 0] = 30 + middle, 30 + middle + heart, 30, 90
    return replace(samples, points=points)


def moved(samples: Samples, errors: np.ndarray, spreads: np.ndarray | None = None) -> Predictions:
    """Return predictions displaced by (3, 4) / 5 times the given error, px of a 224 frame."""
    offset = np.array([0.6, 0.8]) * errors[:, None, None] / SCALE
    points = np.nan_to_num(samples.points.astype(np.float64), nan=60.0) + offset
    spread = (errors if spreads is None else spreads)[:, None] / SCALE
    return Predictions(points, np.repeat(spread, 19, axis=1), np.ones(len(samples)))


def test_errors_are_distances_in_px_of_a_224_frame_and_buckets_follow() -> None:
    samples = truth()
    errors = np.array([1.0, 4.9, 5.1, 8.6, 14.9, 20.0] * 2)
    found = landmark_figures(samples, moved(samples, errors))
    assert found.cases == 6
    assert found.mean == pytest.approx(errors[:6].mean(), abs=1e-4)
    assert found.median == pytest.approx(6.85, abs=1e-4)
    assert found.p95 == pytest.approx(np.percentile(errors[:6], 95), abs=1e-4)
    assert found.independent_mean == pytest.approx(found.by_landmark["L9"], abs=1e-4)
    assert found.buckets == pytest.approx(
        {"excellent": 2 / 6, "very_good": 1 / 6, "good": 2 / 6, "review": 1 / 6}
    )
    assert found.low < found.mean < found.high
    assert found.by_category["spots"].cases == 6
    for name, (low, high) in found.intervals.items():
        assert low <= high, name


def test_a_set_of_one_case_has_figures_without_nan() -> None:
    samples = truth(2)
    evaluation = take_figures("one", samples, moved(samples, np.array([2.0, 3.0])), PLAIN)
    plain = json.loads(json.dumps(asdict(evaluation), allow_nan=False))
    assert plain["landmarks"]["landmarks15 train"]["sd"] is None
    assert plain["ict"]["wingspan train"]["correlation"] is None
    assert None in (
        plain["ict"]["wingspan train"]["sensitivity"],
        plain["ict"]["wingspan train"]["specificity"],
    )
    assert share_text(share_of(np.zeros(0, np.bool_))) == "no case"


def test_wilson_and_bland_altman_give_their_published_values() -> None:
    # Newcombe 1998, Stat. Med. 17:857, table I: 81 of 263, and 0 of 20.
    found = share_of(np.arange(263) < 81)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    none = share_of(np.zeros(20, np.bool_))
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=1e-4)
    # Bland and Altman 1986: 17 subjects, sd 38.8 l/min; a limit's standard error is 16.3,
    # where they approximate by the root of 3 sd^2 / n.
    half = limit_half_width(38.8, 17)
    assert half == pytest.approx(2.12 * 16.3, rel=0.02)


def test_the_bootstrap_is_the_same_twice_and_narrows_with_the_cases() -> None:
    values = np.random.default_rng(2).normal(5.0, 2.0, 400)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    low, high = bootstrap_interval(values)
    assert high - low == pytest.approx(2 * 1.96 * 2.0 / math.sqrt(400), rel=0.2)
    wide = bootstrap_interval(values[:25])
    assert wide[1] - wide[0] > 2.5 * (high - low)


def test_the_index_has_bias_limits_sensitivity_and_specificity() -> None:
    samples = truth(40)
    predictions = moved(samples, np.zeros(40))
    points = predictions.points.copy()
    points[:, 16, 0] += 1.2  # heart left: 60 wide thoraces, 0.02 each
    found = ict_figures(samples, replace(predictions, points=points))
    assert found.cases == 20
    assert found.bias == pytest.approx(0.02, abs=1e-6)
    assert found.mean_absolute == pytest.approx(0.02, abs=1e-6)
    assert found.sd == pytest.approx(0.0, abs=1e-6)
    assert found.limit_low == pytest.approx(0.02, abs=1e-5)
    assert found.sensitivity == 1.0
    crossed = 1 - found.not_enlarged.hits / found.not_enlarged.cases
    index = (samples.points[20:, 16, 0] - samples.points[20:, 15, 0]) / 60
    assert crossed == pytest.approx(((index > 0.48) & (index <= 0.5)).sum() / (index <= 0.5).sum())
    assert found.enlarged.cases + found.not_enlarged.cases == 20


@pytest.mark.parametrize(("radiographs", "promised"), [(LEAST_ICT_CASES, True), (9, False)])
def test_few_errors_of_the_index_give_no_interval(radiographs: int, *, promised: bool) -> None:
    samples = truth(2 * radiographs)
    errors = np.random.default_rng(2).uniform(2, 8, len(samples))
    calibration = calibrate(samples, moved(samples, errors), "few")
    assert (calibration.ict_sd_factor is not None) == promised


def test_a_bias_towards_symmetry_is_detected() -> None:
    samples = truth()
    predictions = moved(samples, np.zeros(12))
    level = predictions.points.copy()
    for right, left in ((2, 3), (4, 5), (6, 7), (11, 12), (13, 14)):
        level[:, left] = level[:, right] * [-1, 1] + [128, 0]
    for i, y in zip((0, 8, 9, 10, 1), (30, 45, 60, 75, 90), strict=True):
        level[:, i] = 64, y
    found = consistency_figures(samples, replace(predictions, points=level))
    assert found.predicted_asymmetry == pytest.approx(0.0, abs=1e-6)
    assert found.asymmetry_error == pytest.approx(found.true_asymmetry, abs=1e-6)
    exact = consistency_figures(samples, predictions)
    assert exact.predicted_asymmetry == pytest.approx(exact.true_asymmetry)
    assert exact.length_error == pytest.approx(0.0)
    assert exact.asymmetry_correlation == pytest.approx(1.0)


def test_true_expected_errors_are_reliable() -> None:
    samples = truth()
    errors = np.array([1.0, 4.0, 6.0, 9.0, 12.0, 20.0] * 2)
    found = reliability_figures(samples, moved(samples, errors), PLAIN)
    assert found.equal.share == found.covered.share == 1.0
    assert found.ratio == pytest.approx(1.0, abs=1e-4)
    assert found.calibration_error == pytest.approx(0.0, abs=1e-3)
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.review_missed.hits == 0
    assert [found.confusion[name][name] for name in found.confusion] == [2, 1, 2, 1]


def test_false_expected_errors_are_unreliable() -> None:
    samples = truth()
    errors = np.array([1.0, 4.0, 6.0, 9.0, 12.0, 20.0] * 2)
    spreads = np.array([4.0, 4.0, 4.0, 9.0, 4.0, 10.0] * 2)
    found = reliability_figures(samples, moved(samples, errors, spreads), PLAIN)
    assert found.confusion["excellent"] == {
        "excellent": 2, "very_good": 1, "good": 1, "review": 0,
    }  # fmt: skip
    assert found.confusion["good"]["review"] == 1
    assert found.equal.hits == 3
    # 6 is just under 1.5 x 4; 12 and 20 are over their bounds of 6 and 15.
    assert found.covered.hits == 4
    assert (found.review_missed.hits, found.review_missed.cases) == (1, 6)
    assert found.ratio == pytest.approx(35 / 52, abs=1e-4)
    assert sum(each.cases for each in found.bins) == 6


def test_evaluation_and_workers_compute_the_same_expected_error() -> None:
    samples = truth()
    predictions = moved(samples, np.linspace(1, 9, 12))
    for i, here in enumerate(measure_predictions(samples, predictions, PLAIN)):
        # A worker measures in pixels of the file, here 700 x 700.
        to_original = fit_affine(700, 700, INPUT_SIDE_PX, 4)
        served = measure(
            predictions.points[i] @ to_original[:, :2].T + to_original[:, 2],
            predictions.spreads[i] * to_original[0, 0],
            to_source=np.eye(2, 3),
            header=Header(ImageFormat.PNG, rows=700, columns=700),
            frontal_probability=1.0,
            calibration=PLAIN,
            thresholds=IctThresholds(),
        )
        ratio = float(samples.scale[i]) / (to_original[0, 0] * 224 / 700)
        assert here.expected_error_px224 == pytest.approx(
            ratio * (served.expected_error_px224 or math.nan)
        )
        assert here.ict.value == pytest.approx(served.ict.value)
        assert here.ict.low == pytest.approx(served.ict.low)


def test_an_ensemble_is_averaged_and_disagreement_widens_spreads() -> None:
    samples = truth()
    one, other = moved(samples, np.full(12, 2.0)), moved(samples, np.full(12, 6.0))
    together = Predictions.averaged([one, other])
    assert together.points == pytest.approx((one.points + other.points) / 2)
    apart = 2.0 / SCALE
    wanted = math.sqrt(((2 / SCALE) ** 2 + (6 / SCALE) ** 2) / 2 + apart**2)
    assert together.spreads == pytest.approx(wanted)
    assert Predictions.averaged([one]) is one


def test_the_worst_cases_are_first_and_unrated_cases_are_marked() -> None:
    samples = truth()
    errors = np.array([3.0, 1.0, 20.0, 2.0, 5.0, 4.0] * 2)
    cases = list_cases(samples, moved(samples, errors), None)
    assert [case.name for case in worst_landmarks(cases, 2)] == ["spot2", "spot4"]
    assert {case.name for case in worst_indices(cases, 12)} == {f"spot{i}" for i in range(6, 12)}
    assert cases[2].bucket is Bucket.REVIEW
    assert cases[2].expected_bucket is Bucket.UNRATED
    assert cases[8].error is None
    assert cases[8].ict_true is not None
