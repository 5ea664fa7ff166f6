"""Records of a batch's night: its rate over time, its networks and its distributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from radiograph.records import View


@dataclass(frozen=True, slots=True)
class Binning:
    """How a measure is counted: bin ``i`` is centred on ``i * width``; values are clipped."""

    measure: str  # a column of the results
    width: float
    low: float
    high: float


#: The measures whose distributions are compared between batches.
BINNINGS = (
    Binning("ict", 0.005, 0.0, 1.5),
    Binning("expected_error_px224", 0.1, 0.0, 60.0),
    Binning("frontal_probability", 0.005, 0.0, 1.0),
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many results have which value of a measure, by view and bin."""

    binning: Binning
    counts: Mapping[View, Mapping[int, int]]

    def of(self, view: View | None = None) -> Mapping[int, int]:
        """Return the counts by bin of one view, or of all."""
        if view is not None:
            return self.counts.get(view, {})
        every: Counter[int] = Counter()
        for counts in self.counts.values():
            every.update(counts)
        return every


@dataclass(frozen=True, slots=True)
class Interval:
    """How many files ended from a time on, until the next interval."""

    start: datetime
    measured: int
    others: int  # failed or set aside


@dataclass(frozen=True, slots=True)
class MeasuredBy:
    """How many results of a batch a network gave, and on what."""

    model: str
    weights_digest: str
    code_version: str
    device: str
    precision: str
    results: int
