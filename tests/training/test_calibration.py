"""Coverage of a calibration on new radiographs, however few it was fitted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from network.input import INPUT_SIDE_PX
from tests.training.spots import spots
from training.evaluate.calibration import _monotone, _upper_ratio, calibrate
from training.evaluate.predictions import Predictions
from training.shape import index_of


def drawn(rng: np.random.Generator, cases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random mean spreads of radiographs and their true errors."""
    scores = rng.uniform(2.0, 10.0, cases)
    return scores, scores * rng.lognormal(0.0, 0.4, cases)


@pytest.mark.parametrize("cases", [10, 20, 30])
def test_the_upper_bound_covers_90_percent_of_new_errors(
    cases: int,
) -> None:
    # Without the finite-sample correction, or evaluated in sample, coverage is 86 to 88 %.
    rng = np.random.default_rng(3)
    kept = []
    for _ in range(150):
        scores, errors = drawn(rng, cases)
        knots = np.array(_monotone(scores, errors))
        new_scores, new_errors = drawn(rng, 50)
        bound = np.interp(new_scores, *knots.T) * _upper_ratio(scores, errors)
        kept.append((new_errors <= bound).mean())
    assert 0.90 <= np.mean(kept) <= 0.96


def test_the_expected_error_never_decreases_with_the_spread() -> None:
    scores, errors = drawn(np.random.default_rng(5), 60)
    knots = _monotone(scores, errors)
    assert list(knots) == sorted(knots)
    assert [error for _, error in knots] == sorted(error for _, error in knots)


def test_the_standard_deviation_of_the_index_is_the_observed_one() -> None:
    samples = spots(INPUT_SIDE_PX, 40)
    points = np.nan_to_num(samples.points.astype(np.float64), nan=60.0)
    points[:, 15:, 0] = [40.0, 70.0, 20.0, 100.0]
    samples = replace(samples, points=np.where(np.isnan(samples.points), np.nan, points))
    moved = points + np.random.default_rng(6).normal(0, 2, points.shape)
    moved[:, 15:] = points[:, 15:]
    # An error of 3.2 px of 80 is 0.04 of the index, in both directions.
    moved[:, 16, 0] += np.where(np.arange(40) % 2, 3.2, -3.2)
    predictions = Predictions(moved, np.full((40, 19), 1.0), np.ones(40))
    assert np.abs(index_of(moved) - index_of(points)) == pytest.approx(0.04)
    calibration = calibrate(samples, predictions, "index")
    sd = np.mean([calibration.ict_sd(each, np.full(19, 1.0)) for each in moved[20:]])
    assert sd == pytest.approx(0.04, rel=0.02)
