"""How far a network's points are from annotated ones, in figures with their intervals.

Landmark errors are mean point-to-point distances in px of a 224 frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from network.prediction import Prediction, Predicts
from radiograph.landmarks import ANATOMICAL, INDEPENDENT
from radiograph.measures.quality import bucket
from radiograph.records import Bucket
from training.intervals import Interval, bootstrap, bootstrap_interval, deviation
from training.samples import Samples
from training.shape import index_of

__all__ = ["Predicted", "bootstrap_interval", "case_errors", "index_of", "point_errors", "predict"]

Floats = npt.NDArray[np.float64]
#: The buckets of a rated study, the best first.
RATED = (Bucket.EXCELLENT, Bucket.VERY_GOOD, Bucket.GOOD, Bucket.REVIEW)


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions on N samples: (N, 19, 2) points and (N, 19) spreads in px of the square."""

    points: Floats
    spreads: Floats
    frontal: Floats

    def where(self, keep: npt.NDArray[np.bool_]) -> Predicted:
        """Return the predictions for which ``keep`` (N,) is true."""
        return Predicted(self.points[keep], self.spreads[keep], self.frontal[keep])

    @classmethod
    def averaged(cls, members: Sequence[Predicted]) -> Predicted:
        """Average the networks of an ensemble; their disagreement widens the spreads."""
        if len(members) == 1:
            return members[0]
        points = np.stack([member.points for member in members])
        spreads = np.stack([member.spreads for member in members])
        mean = points.mean(axis=0)
        apart = np.square(points - mean).sum(axis=3)
        return cls(
            points=mean,
            spreads=np.sqrt((np.square(spreads) + apart).mean(axis=0)),
            frontal=np.mean([member.frontal for member in members], axis=0),
        )


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """Errors over the cases of one category; px of a 224 frame."""

    cases: int
    mean: float
    low: float
    high: float
    median: float


@dataclass(frozen=True, slots=True)
class LandmarkFigures:
    """Errors over the cases that have the fifteen landmarks; ``low`` to ``high`` is the mean's.

    ``intervals``: of the other figures, of the landmarks by name and of the buckets' shares.
    """

    cases: int
    mean: float
    low: float
    high: float
    median: float
    sd: float | None
    p95: float
    independent_mean: float  # over the twelve points that are no fractions of the axis
    by_category: dict[str, CategoryFigures]
    by_landmark: dict[str, float]
    buckets: dict[str, float]  # share of cases, by true error
    intervals: dict[str, Interval]


def predict(predictor: Predicts, samples: Samples, size: int = 16) -> Predicted:
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
    """Figures over the samples that have all fifteen landmarks, of which there is one or more."""
    known = samples.has_landmarks()
    errors = point_errors(samples.where(known), predicted.where(known))
    cases = errors[:, list(ANATOMICAL)].mean(axis=1)
    independent = errors[:, list(INDEPENDENT)].mean(axis=1)
    categories = samples.categories[known]
    sorted_into = np.array([bucket(case) for case in cases])
    shares = {str(name): (sorted_into == name).astype(np.float64) for name in RATED}
    low, high = bootstrap_interval(cases)
    by_name = {f"L{i + 1}": errors[:, i] for i in ANATOMICAL}
    return LandmarkFigures(
        cases=len(cases),
        mean=float(cases.mean()),
        low=low,
        high=high,
        median=float(np.median(cases)),
        sd=deviation(cases),
        p95=float(np.percentile(cases, 95)),
        independent_mean=float(independent.mean()),
        by_category={
            str(name): category_figures(cases[categories == name]) for name in np.unique(categories)
        },
        by_landmark={name: float(values.mean()) for name, values in by_name.items()},
        buckets={name: float(values.mean()) for name, values in shares.items()},
        intervals={
            "median": bootstrap(lambda drawn: np.median(drawn, axis=1), cases),
            "sd": bootstrap(lambda drawn: drawn.std(axis=1), cases),
            "p95": bootstrap(lambda drawn: np.percentile(drawn, 95, axis=1), cases),
            "independent_mean": bootstrap_interval(independent),
            **{name: bootstrap_interval(values) for name, values in by_name.items()},
            **{name: bootstrap_interval(values) for name, values in shares.items()},
        },
    )


def category_figures(cases: Floats) -> CategoryFigures:
    """Figures over the (N,) errors of a category."""
    low, high = bootstrap_interval(cases)
    return CategoryFigures(len(cases), float(cases.mean()), low, high, float(np.median(cases)))
