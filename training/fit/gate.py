"""Decision whether a phase improved the network, by its errors on the validation split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 4000
#: Share of resamples in which the mean error must have fallen.
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Verdict:
    """``low`` and ``high``: 95 % paired bootstrap of the difference, px of a 224 frame."""

    kept: bool
    reason: str
    low: float | None = None
    high: float | None = None


def compare_errors(
    before: npt.NDArray[np.float64] | None, after: npt.NDArray[np.float64]
) -> Verdict:
    """Compare the errors of the same radiographs before and after a phase, (N,), NaN without truth.

    A phase is kept if its mean error is lower in 95 % of paired resamples of the radiographs.
    """
    if before is None:
        return Verdict(kept=True, reason="started from scratch")
    known = np.isfinite(before) & np.isfinite(after)
    if not known.any():
        return Verdict(kept=True, reason="no validation radiograph has landmarks")
    difference = (after - before)[known]
    draws = np.random.default_rng(0).integers(0, len(difference), (RESAMPLES, len(difference)))
    means = difference[draws].mean(axis=1)
    low, high = (float(bound) for bound in np.percentile(means, (2.5, 97.5)))
    better = float((means < 0).mean())
    kept = better >= CONFIDENCE
    word = "better" if kept else "not better"
    return Verdict(kept, f"{word}: lower in {100 * better:.0f} % of resamples", low, high)
