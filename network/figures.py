"""The test errors stated in a model card, and their comparison between two networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: kind -> (key of its mean in a card, label, significant decimals).
KINDS = {
    "landmarks": ("mean", "landmark error, px of a 224 frame", 2),
    "ict": ("mean_absolute", "ICT error", 4),
}

#: More than any test set has; keeps sums finite.
_MOST_CASES = 10**9


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean error over ``cases``, with its 95 % interval where the card states one."""

    cases: int
    mean: float
    low: float | None = None
    high: float | None = None

    def words(self, digits: int) -> str:
        """Return the figure as text: ``4.86 [4.40, 5.36]``."""
        if self.low is None or self.high is None:
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two networks. ``data``: the common test set, None where there is none."""

    kind: str
    data: str | None
    served: Figure
    candidate: Figure

    @property
    def worse(self) -> bool:
        """Return whether the candidate's mean is above the interval of the served network."""
        limit = self.served.mean if self.served.high is None else self.served.high
        return self.candidate.mean > limit

    @property
    def words(self) -> str:
        """Return the comparison as text."""
        _, name, digits = KINDS[self.kind]
        where = "over different test sets" if self.data is None else f"on {self.data}"
        return f"{name} {where}: {self.candidate.words(digits)}, served {self.served.words(digits)}"


def figures(card: Mapping[str, object], kind: str) -> dict[str, Figure]:
    """Return the figures of one kind by test set; empty where the card states none."""
    metrics = card.get("metrics")
    sets: Any = metrics.get(kind) if isinstance(metrics, Mapping) else None
    if not isinstance(sets, Mapping):
        return {}
    try:
        found = {str(name): _figure(each, KINDS[kind][0]) for name, each in sets.items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        # Written by another version.
        return {}
    return {name: figure for name, figure in found.items() if figure.cases > 0}


def pooled(sets: Mapping[str, Figure]) -> Figure | None:
    """Return the mean over the cases of all test sets, with their lowest and highest bound."""
    if not sets:
        return None
    if len(sets) == 1:
        return next(iter(sets.values()))
    cases = sum(each.cases for each in sets.values())
    bounds = [each.high for each in sets.values() if each.high is not None]
    lows = [each.low for each in sets.values() if each.low is not None]
    return Figure(
        cases,
        sum(each.cases * each.mean for each in sets.values()) / cases,
        min(lows, default=None),
        max(bounds, default=None),
    )


def compare(candidate: Mapping[str, object], served: Mapping[str, object]) -> Iterator[Comparison]:
    """Yield the figures of both cards: per common test set, or pooled if there is none."""
    for kind in KINDS:
        new, old = figures(candidate, kind), figures(served, kind)
        common = new.keys() & old.keys()
        for name in sorted(common):
            yield Comparison(kind, name, old[name], new[name])
        if not common:
            before, after = pooled(old), pooled(new)
            if before is not None and after is not None:
                yield Comparison(kind, None, before, after)


def _figure(stated: Mapping[str, Any], mean: str) -> Figure:
    """Parse one figure. Raises KeyError, TypeError, ValueError, AttributeError, OverflowError."""
    figure = Figure(int(stated["cases"]), float(stated[mean]), *_bounds(stated))
    if not math.isfinite(figure.mean) or figure.mean < 0 or figure.cases > _MOST_CASES:
        raise ValueError("not a mean error over cases")
    return figure


def _bounds(stated: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = stated.get("low"), stated.get("high")
    return None if low is None else float(low), None if high is None else float(high)
