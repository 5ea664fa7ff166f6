"""Calibration of spreads to expected errors, on annotated radiographs not used for fitting.

Isotonic regression of the true mean error on the mean spread gives the expectation; the ratio of
true to expected error, out of fold, gives its upper 90 % bound (split conformal, with the
finite-sample correction). The index has a factor from propagated to observed deviation.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from radiograph.calibration import Calibration, propagated_ict_sd
from radiograph.landmarks import ANATOMICAL
from training.evaluate.predictions import Predictions, case_errors
from training.samples import Samples
from training.shape import index_of

Floats = npt.NDArray[np.float64]
#: With fewer validation radiographs there is no calibration: studies are unrated.
LEAST_CASES = 20
FOLDS = 5
COVERAGE = 0.90
KNOTS = 12
LEAST_ICT_CASES = 10


def calibrate(samples: Samples, predictions: Predictions, name: str) -> Calibration:
    """Return a calibration on samples the network was not fitted to."""
    known = samples.has_landmarks()
    spreads = predictions.spreads * samples.scale[:, None]
    scores = spreads[known][:, list(ANATOMICAL)].mean(axis=1)
    errors = case_errors(samples.where(known), predictions.where(known))
    return Calibration(
        id=name,
        knots=_monotone(scores, errors),
        upper_ratio=_upper_ratio(scores, errors),
        ict_sd_factor=_ict_factor(samples, predictions),
    )


def _monotone(scores: Floats, errors: Floats) -> tuple[tuple[float, float], ...]:
    """Return knots of the isotonic fit at even shares of the cases; ties become one knot."""
    order = np.argsort(scores)
    fitted = isotonic_regression(errors[order]).x
    at = np.linspace(0, len(scores) - 1, KNOTS).round().astype(int)
    # Means around each knot, since the steps of the fit are noise with a hundred cases.
    reach = max(1, len(scores) // (2 * KNOTS))
    means = [
        (
            float(scores[order][max(0, i - reach) : i + reach + 1].mean()),
            float(fitted[max(0, i - reach) : i + reach + 1].mean()),
        )
        for i in at
    ]
    return tuple((round(score, 4), round(error, 4)) for score, error in means)


def _upper_ratio(scores: Floats, errors: Floats) -> float:
    fold = np.arange(len(scores)) % FOLDS
    ratios = np.empty_like(errors)
    for k in range(FOLDS):
        knots = np.array(_monotone(scores[fold != k], errors[fold != k]))
        ratios[fold == k] = errors[fold == k] / np.interp(scores[fold == k], *knots.T)
    rank = math.ceil((len(ratios) + 1) * COVERAGE)
    return round(float(np.sort(ratios)[min(rank, len(ratios)) - 1]), 4)


def _ict_factor(samples: Samples, predictions: Predictions) -> float | None:
    known = samples.has_callipers()
    if known.sum() < LEAST_ICT_CASES:
        return None  # too few errors for a reliable standard deviation
    points, spreads = predictions.points[known], predictions.spreads[known]
    error = index_of(points) - index_of(samples.points[known].astype(np.float64))
    propagated = np.array([propagated_ict_sd(p, s) for p, s in zip(points, spreads, strict=True)])
    return round(float(np.sqrt(np.mean((error / propagated) ** 2))), 4)
