"""How well a network does on annotated radiographs, in figures with their intervals.

Landmark errors are mean point-to-point distances in px of a 224 frame. Intervals are 95 %
percentile bootstraps over cases, seeded, so that two runs print the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from network.prediction import Prediction
from network.predictor import Predictor
from radiograph.landmarks import ANATOMICAL, INDEPENDENT, Landmark
from training.samples import Samples

Floats = npt.NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions on N samples: (N, 19, 2) points and (N, 19) spreads in px of the square."""

    points: Floats
    spreads: Floats
    frontal: Floats

    def where(self, keep: npt.NDArray[np.bool_]) -> Predicted:
        """Return the predictions for which ``keep`` (N,) is true."""
        return Predicted(self.points[keep], self.spreads[keep], self.frontal[keep])


@dataclass(frozen=True, slots=True)
class LandmarkFigures:
    """Errors over the cases that have the fifteen landmarks."""

    cases: int
    mean: float
    low: float
    high: float
    median: float
    sd: float
    p95: float
    independent_mean: float  # over the twelve points that are no fractions of the axis
    by_category: dict[str, tuple[int, float]]
    by_landmark: dict[str, float]
    buckets: dict[str, float]  # share of cases, by true error


@dataclass(frozen=True, slots=True)
class IctFigures:
    """Agreement of the cardiothoracic index with its truth."""

    cases: int
    mean_absolute: float
    low: float
    high: float
    bias: float
    sd: float
    correlation: float
    sensitivity: float
    specificity: float


def predict(predictor: Predictor, samples: Samples, size: int = 16) -> Predicted:
    """Predict samples read at the network's side."""
    said: list[Prediction] = []
    for start in range(0, len(samples), size):
        said += predictor.predict(samples.images[start : start + size])
    return Predicted(
        points=np.stack([p.points for p in said]),
        spreads=np.stack([p.spreads for p in said]),
        frontal=np.array([p.frontal_probability for p in said]),
    )


def case_errors(samples: Samples, predicted: Predicted) -> Floats:
    """Mean error of each case over its fifteen landmarks, px of a 224 frame; NaN without truth."""
    return np.asarray(point_errors(samples, predicted)[:, list(ANATOMICAL)].mean(axis=1))


def point_errors(samples: Samples, predicted: Predicted) -> Floats:
    """Distance of every point, (N, 19), px of a 224 frame; NaN where the truth lacks it."""
    offset = (predicted.points - samples.points) * samples.scale[:, None, None]
    return np.asarray(np.linalg.norm(offset, axis=2), np.float64)


def landmark_figures(samples: Samples, predicted: Predicted) -> LandmarkFigures:
    """Figures over the samples that have all fifteen landmarks."""
    errors = point_errors(samples, predicted)
    known = samples.has_landmarks()
    errors = errors[known]
    cases = errors[:, list(ANATOMICAL)].mean(axis=1)
    low, high = bootstrap_interval(cases)
    categories = samples.categories[known]
    return LandmarkFigures(
        cases=len(cases),
        mean=float(cases.mean()),
        low=low,
        high=high,
        median=float(np.median(cases)),
        sd=float(cases.std(ddof=1)),
        p95=float(np.percentile(cases, 95)),
        independent_mean=float(errors[:, list(INDEPENDENT)].mean()),
        by_category={
            str(name): (int((categories == name).sum()), float(cases[categories == name].mean()))
            for name in np.unique(categories)
        },
        by_landmark={f"L{i + 1}": float(errors[:, i].mean()) for i in ANATOMICAL},
        buckets={
            "excellent": float((cases < 5).mean()),
            "very_good": float(((cases >= 5) & (cases < 8.5)).mean()),
            "good": float(((cases >= 8.5) & (cases < 15)).mean()),
            "review": float((cases >= 15).mean()),
        },
    )


def ict_figures(samples: Samples, predicted: Predicted, line: float = 0.50) -> IctFigures:
    """Figures over the samples that have all four callipers."""
    known = samples.has_callipers()
    truth = index_of(samples.points[known].astype(np.float64))
    said = index_of(predicted.points[known])
    difference = said - truth
    low, high = bootstrap_interval(np.abs(difference))
    enlarged = truth > line
    return IctFigures(
        cases=int(known.sum()),
        mean_absolute=float(np.abs(difference).mean()),
        low=low,
        high=high,
        bias=float(difference.mean()),
        sd=float(difference.std(ddof=1)),
        correlation=float(np.corrcoef(truth, said)[0, 1]),
        sensitivity=float((said[enlarged] > line).mean()),
        specificity=float((said[~enlarged] <= line).mean()),
    )


def index_of(points: Floats) -> Floats:
    """Cardiothoracic index of (N, 19, 2) points, (N,)."""
    heart = points[:, Landmark.HEART_LEFT, 0] - points[:, Landmark.HEART_RIGHT, 0]
    thorax = points[:, Landmark.THORAX_LEFT, 0] - points[:, Landmark.THORAX_RIGHT, 0]
    return np.asarray(heart / thorax)


def bootstrap_interval(values: Floats) -> tuple[float, float]:
    """95 % percentile bootstrap of the mean."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)
