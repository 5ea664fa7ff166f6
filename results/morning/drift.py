"""Whether a batch's results differ from earlier ones: the two-sample Kolmogorov-Smirnov test.

The test compares whole distributions, so it finds a shift as well as a few results that went far
off. In a large batch even a negligible difference is significant, so two conditions must hold: the
p-value, corrected by Holm for the number of comparisons, is below `SIGNIFICANT`, and the largest
difference of the cumulative shares is at least `LEAST_DIFFERENCE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from db.query.night_records import Distribution
from radiograph.records import View

SIGNIFICANT = 0.01
LEAST_DIFFERENCE = 0.10
#: With fewer results on either side nothing is compared.
LEAST_RESULTS = 20

Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Drift:
    """A comparison of the results of a batch with earlier ones.

    ``difference``: the largest difference of the cumulative shares, 0 to 1; None, as is ``p``, with
    too few results to compare.
    """

    measure: str
    view: View | None  # None: all
    against: str
    results: int
    before: int
    median: float | None
    median_before: float | None
    difference: float | None = None
    higher: bool = False  # where the difference is largest, the batch has the higher values
    p: float | None = None  # corrected by Holm

    @property
    def found(self) -> bool:
        """Return whether the distributions differ, by both conditions."""
        if self.p is None or self.difference is None:
            return False
        return self.p < SIGNIFICANT and self.difference >= LEAST_DIFFERENCE


def drift_between(now: Distribution, before: Distribution, against: str) -> list[Drift]:
    """Compare a measure by view, for the views of ``now``; p-values are not corrected yet."""
    width = now.binning.width
    return [
        compare(
            now.of(view),
            before.of(view),
            width,
            measure=now.binning.measure,
            against=against,
            view=view,
        )
        for view in View
        if now.of(view)
    ]


def compare(
    now: Counts,
    before: Counts,
    width: float,
    *,
    measure: str,
    against: str,
    view: View | None = None,
) -> Drift:
    """Compare two distributions, as counts by bin; the p-value is not corrected yet."""
    # Imported late: a second that only a report needs.
    from scipy.stats import ks_2samp  # noqa: PLC0415

    sizes = sum(now.values()), sum(before.values())
    found = Drift(measure, view, against, *sizes, median(now, width), median(before, width))
    if min(sizes) < LEAST_RESULTS:
        return found
    # Ties within bins make the test conservative.
    tested = ks_2samp(_values(now), _values(before), method="asymp")
    return replace(
        found,
        difference=float(tested.statistic),
        higher=bool(tested.statistic_sign < 0),
        p=float(tested.pvalue),
    )


def corrected(found: Sequence[Drift]) -> list[Drift]:
    """Return the comparisons with their p-values corrected by Holm, in the same order."""
    tested = sorted((each.p, i) for i, each in enumerate(found) if each.p is not None)
    result, largest = list(found), 0.0
    for rank, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        result[i] = replace(result[i], p=largest)
    return result


def median(counts: Counts, width: float) -> float | None:
    """Return the centre of the bin with the median."""
    if not counts:
        return None
    half, below = sum(counts.values()) / 2, 0
    for number in sorted(counts):
        below += counts[number]
        if below >= half:
            return number * width
    raise AssertionError  # the counts add up to more than their half


def any_found(found: Iterable[Drift]) -> bool:
    """Return whether any comparison found a difference."""
    return any(each.found for each in found)


def _values(counts: Counts) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    ordered = sorted(counts)
    return np.repeat(np.array(ordered, np.int64), [counts[number] for number in ordered])
