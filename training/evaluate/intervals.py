"""95 % intervals of figures over a few hundred cases, reproducible."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]

RESAMPLES = 2000
#: Half-width in standard deviations that contains 95 % of a normal distribution.
HALF_WIDTH_SD = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``cases`` with its Wilson interval; the share is None without cases."""

    hits: int
    cases: int
    share: float | None
    low: float | None
    high: float | None


def share_of(hits: npt.NDArray[np.bool_]) -> Share:
    """Return the share of true values of (N,); E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209."""
    cases, found = len(hits), int(hits.sum())
    if not cases:
        return Share(0, 0, None, None, None)
    share = found / cases
    square = HALF_WIDTH_SD**2
    centre = (share + square / (2 * cases)) / (1 + square / cases)
    half = (
        HALF_WIDTH_SD
        * math.sqrt(share * (1 - share) / cases + square / (4 * cases**2))
        / (1 + square / cases)
    )
    return Share(found, cases, share, max(0.0, centre - half), min(1.0, centre + half))


def bootstrap_interval(values: Floats) -> Interval:
    """Return the 95 % percentile bootstrap of the mean of (N,) values."""
    low, high = bootstrap(lambda drawn: drawn.mean(axis=-1), values)
    return low, high


def bootstrap(figure: Callable[..., Floats], *columns: Floats) -> Interval:
    """Return the 95 % percentile bootstrap of a figure of paired columns, each (N,).

    ``figure`` takes the resampled columns, each (RESAMPLES, N), and returns (RESAMPLES,).
    """
    cases = len(columns[0])
    draws = np.random.default_rng(0).integers(0, cases, (RESAMPLES, cases))
    low, high = np.percentile(figure(*(column[draws] for column in columns)), (2.5, 97.5))
    return float(low), float(high)


def limit_half_width(sd: float, cases: int) -> float:
    """Return half the 95 % interval of a limit of agreement; Bland and Altman, Lancet 1986."""
    error = sd * math.sqrt(1 / cases + HALF_WIDTH_SD**2 / (2 * (cases - 1)))
    return float(student.ppf(0.975, cases - 1)) * error


def deviation(values: Floats) -> float | None:
    """Return the standard deviation of (N,) values, None for fewer than two."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def correlation(first: Floats, second: Floats) -> float | None:
    """Return Pearson's coefficient, None if one of them is constant."""
    if len(first) < 2 or not first.std() or not second.std():
        return None
    return float(np.corrcoef(first, second)[0, 1])
