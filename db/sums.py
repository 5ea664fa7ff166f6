"""Counts that add up, field by field."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Self


class Summed:
    """The base of a frozen dataclass of counts: adding two adds each field."""

    __slots__ = ()

    def __add__(self, more: Self) -> Self:
        """Return both together."""
        counts: Any = self
        names = [each.name for each in fields(counts)]
        both: Self = replace(
            counts, **{name: getattr(self, name) + getattr(more, name) for name in names}
        )
        return both
