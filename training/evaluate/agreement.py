"""Agreement of the measured cardiothoracic index with the annotated one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.evaluate.intervals import (
    HALF_WIDTH_SD,
    Interval,
    Share,
    bootstrap,
    bootstrap_interval,
    correlation,
    deviation,
    limit_half_width,
    share_of,
)
from training.evaluate.predictions import Floats, Predictions
from training.samples import Samples
from training.shape import ENLARGED_ABOVE, index_of


@dataclass(frozen=True, slots=True)
class IctFigures:
    """Differences measured minus true; ``low`` to ``high``: interval of the mean absolute error.

    ``sensitivity`` and ``specificity`` at an index of 0.50 are None without such cases; the
    limits of agreement contain 95 % of differences; ``intervals``: of the other figures.
    """

    cases: int
    mean_absolute: float
    low: float
    high: float
    bias: float
    sd: float | None
    correlation: float | None
    sensitivity: float | None
    specificity: float | None
    limit_low: float | None
    limit_high: float | None
    enlarged: Share  # sensitivity
    not_enlarged: Share  # specificity
    intervals: dict[str, Interval]


def ict_figures(
    samples: Samples, predictions: Predictions, line: float = ENLARGED_ABOVE
) -> IctFigures:
    """Return figures over the samples with all four callipers; there must be at least one."""
    truth, measured = true_and_measured_index(samples, predictions)
    difference = measured - truth
    enlarged = truth > line
    low, high = bootstrap_interval(np.abs(difference))
    bias, sd = float(difference.mean()), deviation(difference)
    found, spared = share_of(measured[enlarged] > line), share_of(measured[~enlarged] <= line)
    intervals = {"bias": bootstrap_interval(difference)}
    limits: tuple[float | None, float | None] = None, None
    if sd is not None:
        limits = bias - HALF_WIDTH_SD * sd, bias + HALF_WIDTH_SD * sd
        half = limit_half_width(sd, len(difference))
        for name, limit in zip(("limit_low", "limit_high"), limits, strict=True):
            intervals[name] = limit - half, limit + half
        intervals["sd"] = bootstrap(lambda drawn: drawn.std(axis=1), difference)
    for name, share in (("sensitivity", found), ("specificity", spared)):
        if share.low is not None and share.high is not None:
            intervals[name] = share.low, share.high
    return IctFigures(
        cases=len(difference),
        mean_absolute=float(np.abs(difference).mean()),
        low=low,
        high=high,
        bias=bias,
        sd=sd,
        correlation=correlation(truth, measured),
        sensitivity=found.share,
        specificity=spared.share,
        limit_low=limits[0],
        limit_high=limits[1],
        enlarged=found,
        not_enlarged=spared,
        intervals=intervals,
    )


def true_and_measured_index(samples: Samples, predictions: Predictions) -> tuple[Floats, Floats]:
    """Return the true and the measured index of the samples that have all four callipers."""
    known = samples.has_callipers()
    truth = index_of(samples.points[known].astype(np.float64))
    return truth, index_of(predictions.points[known])
