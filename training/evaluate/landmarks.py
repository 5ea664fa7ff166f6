"""Landmark errors of a network, with their intervals.

Landmark errors are mean point-to-point distances in px of a 224 frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radiograph.landmarks import ANATOMICAL, INDEPENDENT
from radiograph.measures.quality import bucket
from radiograph.records import Bucket
from training.evaluate.intervals import Interval, bootstrap, bootstrap_interval, deviation
from training.evaluate.predictions import Floats, Predictions, point_errors
from training.samples import Samples

#: The buckets of a rated study, the best first.
RATED = (Bucket.EXCELLENT, Bucket.VERY_GOOD, Bucket.GOOD, Bucket.REVIEW)


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """Errors over the cases of one category, px of a 224 frame."""

    cases: int
    mean: float
    low: float
    high: float
    median: float


@dataclass(frozen=True, slots=True)
class LandmarkFigures:
    """Errors over the cases with the fifteen landmarks; ``low`` to ``high``: interval of the mean.

    ``intervals``: of the other figures, of the landmarks by name and of the buckets' shares.
    """

    cases: int
    mean: float
    low: float
    high: float
    median: float
    sd: float | None
    p95: float
    independent_mean: float  # over the twelve points that are not fractions of the axis
    by_category: dict[str, CategoryFigures]
    by_landmark: dict[str, float]
    buckets: dict[str, float]  # share of cases, by true error
    intervals: dict[str, Interval]


def landmark_figures(samples: Samples, predictions: Predictions) -> LandmarkFigures:
    """Return figures over the samples with all fifteen landmarks; there must be at least one."""
    known = samples.has_landmarks()
    errors = point_errors(samples.where(known), predictions.where(known))
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
    """Return figures over the (N,) errors of a category."""
    low, high = bootstrap_interval(cases)
    return CategoryFigures(len(cases), float(cases.mean()), low, high, float(np.median(cases)))
