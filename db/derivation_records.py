"""Counts of results by ICT rule, and of what recomputing changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from db.sums import Summed
from radiograph.measures.ict import Judgement

#: Most radiographs that crossed a line to be listed.
NAMED = 5


@dataclass(frozen=True, slots=True)
class IctCount:
    """Results judged by the same rule and line, with the same data missing in their headers."""

    judged: Judgement
    view_unknown: bool  # neither PA nor AP
    age_unknown: bool
    results: int


@dataclass(frozen=True, slots=True)
class Crossed:
    """A radiograph that recomputing moved above its ICT line, or below it."""

    radiograph_id: int
    path: str
    ict: float | None
    before: Judgement
    after: Judgement


@dataclass(frozen=True, slots=True)
class RecomputeCount(Summed):
    """What recomputing results changed, or would change."""

    results: int = 0  # read
    changed: int = 0
    filled: int = 0  # given measures that they lacked
    now_above: int = 0
    no_longer_above: int = 0
    newly_compared: int = 0
    no_longer_compared: int = 0
    buckets: int = 0  # changed
    labelled: int = 0  # kept their bucket, which is based on the truth
    crossed: tuple[Crossed, ...] = ()  # the first few

    def __add__(self, more: RecomputeCount) -> RecomputeCount:
        """Return both together, and the first few that crossed."""
        # Named, since dataclasses with slots replace the class that `super` would look in.
        both = Summed.__add__(self, more)
        return replace(both, crossed=both.crossed[:NAMED])
