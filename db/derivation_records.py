"""What results follow from, in numbers, and what computing it again changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from db.sums import Summed
from radiograph.measures.ict import Judgement

#: So many radiographs that crossed a line are named.
NAMED = 5


@dataclass(frozen=True, slots=True)
class IctCount:
    """Results that were judged alike, whose headers left the same open."""

    judged: Judgement
    view_unknown: bool  # neither PA nor AP
    age_unknown: bool
    results: int


@dataclass(frozen=True, slots=True)
class Crossed:
    """A radiograph that is above its ICT line now and was not, or the other way round."""

    radiograph_id: int
    path: str
    ict: float | None
    before: Judgement
    after: Judgement


@dataclass(frozen=True, slots=True)
class RecomputeCount(Summed):
    """What computing results again changed, or would change."""

    results: int = 0  # looked at
    changed: int = 0
    filled: int = 0  # given measures that they lacked
    now_above: int = 0
    no_longer_above: int = 0
    newly_compared: int = 0
    no_longer_compared: int = 0
    buckets: int = 0  # that changed
    labelled: int = 0  # whose bucket rests on the truth and was kept
    crossed: tuple[Crossed, ...] = ()  # the first few

    def __add__(self, more: RecomputeCount) -> RecomputeCount:
        """Return both together, and the first few that crossed."""
        # Named, since dataclasses with slots replace the class that `super` would look in.
        both = Summed.__add__(self, more)
        return replace(both, crossed=both.crossed[:NAMED])
