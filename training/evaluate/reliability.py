"""Agreement of the expected errors of a network with the true errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from radiograph.calibration import Calibration
from radiograph.errors import RadiographError
from radiograph.frontal import check_prediction
from radiograph.measurement import measure
from radiograph.measures.quality import REVIEW_FROM, bucket
from radiograph.records import (
    ERROR_FRAME_PX,
    Header,
    IctThresholds,
    ImageFormat,
    Measurement,
)
from training.evaluate.intervals import Interval, Share, bootstrap, share_of
from training.evaluate.landmarks import RATED
from training.evaluate.predictions import Floats, Predictions, case_errors
from training.samples import Samples
from training.shape import index_of

#: Number of bins, of equal size, by expected error.
BINS = 6
#: The frame in which predictions are measured here.
_HEADER = Header(ImageFormat.PNG, rows=ERROR_FRAME_PX, columns=ERROR_FRAME_PX)
_TO_SOURCE = np.eye(2, 3)


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of about the same expected error; means in px of a 224 frame."""

    cases: int
    expected: float
    true: float


@dataclass(frozen=True, slots=True)
class ReliabilityFigures:
    """Expected against true errors, px of a 224 frame, over cases with the fifteen landmarks.

    ``confusion``: cases by expected, then by true bucket; ``ratio``: mean expected over mean true
    error; ``covered``: cases under the upper 90 % bound; ``calibration_error``: mean distance of
    expected from true error over bins by expected error, weighted by their cases;
    ``review_missed``: cases of 15 px and more among those expected to be good or better.
    """

    calibration: str
    cases: int
    expected_mean: float
    true_mean: float
    ratio: float
    ratio_interval: Interval
    confusion: dict[str, dict[str, int]]
    equal: Share
    covered: Share
    calibration_error: float
    bins: tuple[Bin, ...]
    rank_correlation: float | None
    review_missed: Share


@dataclass(frozen=True, slots=True)
class ExpectedErrors:
    """Expected and true errors and the upper bound of N cases, each (N,), px of a 224 frame."""

    expected: Floats
    upper: Floats
    true: Floats


def measure_predictions(
    samples: Samples, predictions: Predictions, calibration: Calibration | None
) -> list[Measurement]:
    """Return measurements as a worker computes them, in pixels of a 224 frame."""
    scale = samples.scale.astype(np.float64)
    return [
        measure(
            predictions.points[i] * scale[i],
            predictions.spreads[i] * scale[i],
            to_source=_TO_SOURCE,
            header=_HEADER,
            frontal_probability=float(predictions.frontal[i]),
            calibration=calibration,
            thresholds=IctThresholds(),
        )
        for i in range(len(samples))
    ]


def expected_errors(
    samples: Samples, predictions: Predictions, calibration: Calibration
) -> ExpectedErrors:
    """Return the expected errors of the samples with all fifteen landmarks."""
    known = samples.has_landmarks()
    samples, predictions = samples.where(known), predictions.where(known)
    measurements = measure_predictions(samples, predictions, calibration)
    return ExpectedErrors(
        expected=np.array([each.expected_error_px224 for each in measurements], np.float64),
        upper=np.array([each.expected_error_high_px224 for each in measurements], np.float64),
        true=case_errors(samples, predictions),
    )


def reliability_figures(
    samples: Samples, predictions: Predictions, calibration: Calibration
) -> ReliabilityFigures:
    """Return figures over the samples with all fifteen landmarks; there must be at least one."""
    found = expected_errors(samples, predictions, calibration)
    expected, true = found.expected, found.true
    expected_bucket = np.array([bucket(case) for case in expected])
    true_bucket = np.array([bucket(case) for case in true])
    bins = tuple(
        Bin(len(part), float(expected[part].mean()), float(true[part].mean()))
        for part in np.array_split(np.argsort(expected, kind="stable"), BINS)
        if len(part)
    )
    return ReliabilityFigures(
        calibration=calibration.id,
        cases=len(true),
        expected_mean=float(expected.mean()),
        true_mean=float(true.mean()),
        ratio=float(expected.mean() / true.mean()),
        ratio_interval=bootstrap(lambda e, t: e.mean(axis=1) / t.mean(axis=1), expected, true),
        confusion={
            str(row): {
                str(column): int(((expected_bucket == row) & (true_bucket == column)).sum())
                for column in RATED
            }
            for row in RATED
        },
        equal=share_of(expected_bucket == true_bucket),
        covered=share_of(true <= found.upper),
        calibration_error=sum(each.cases * abs(each.expected - each.true) for each in bins)
        / len(true),
        bins=bins,
        rank_correlation=_rank_correlation(expected, true),
        review_missed=share_of(true[expected < REVIEW_FROM] >= REVIEW_FROM),
    )


def ict_covered(samples: Samples, predictions: Predictions, calibration: Calibration) -> Share:
    """Return the share of true indices inside their 95 % intervals, where these exist."""
    known = samples.has_callipers()
    truth = index_of(samples.points[known].astype(np.float64))
    measurements = measure_predictions(samples.where(known), predictions.where(known), calibration)
    inside = [
        each.ict.low <= index <= each.ict.high
        for each, index in zip(measurements, truth, strict=True)
        if each.ict.low is not None and each.ict.high is not None
    ]
    return share_of(np.array(inside, np.bool_))


def refusals(samples: Samples, predictions: Predictions) -> npt.NDArray[np.bool_]:
    """Return (N,) whether a worker would set the radiograph aside as not a frontal chest."""
    scale = samples.scale.astype(np.float64)
    return np.array(
        [not _accepted(predictions, i, float(scale[i])) for i in range(len(samples))],
        np.bool_,
    )


def _accepted(predictions: Predictions, i: int, scale: float) -> bool:
    try:
        check_prediction(
            predictions.points[i] * scale,
            predictions.spreads[i] * scale,
            float(predictions.frontal[i]),
        )
    except RadiographError:
        return False
    return True


def _rank_correlation(expected: Floats, true: Floats) -> float | None:
    if len(true) < 3 or not expected.std() or not true.std():
        return None
    return float(spearmanr(expected, true).statistic)
