"""The declaration of a measure, which defines its column in the database, tables and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import TYPE_CHECKING, Any

from radiograph.measures.placed_points import PlacedPoints

if TYPE_CHECKING:
    from radiograph.records import Measurement


@dataclass(frozen=True, slots=True)
class NormalRange:
    """Range of 95 % of normal radiographs, both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """Return whether a value is in the range."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a radiograph: a column of the database, of every file and of every table.

    ``meaning``: its line in the data dictionary. ``holds``: its type; float, bool or a StrEnum.
    ``decimals``: in files; ``shown_decimals``: in tables and pictures.
    ``of_points``: computes it from the stored points, so that `recompute` can add it to older
    results; must return a value for any points of a frontal chest.
    ``field``: for a measure that needs more than points, its attribute of `Measurement`, such as
    ``ict.value``; without it the measure is in ``values``.
    ``derived``: computed from other columns and the settings; recomputed when settings change.
    """

    name: str
    meaning: str
    unit: str = ""
    holds: type[float | bool | StrEnum] = float
    decimals: int | None = None
    shown_decimals: int | None = None
    normal: NormalRange | None = None
    of_points: Callable[[PlacedPoints], float] | None = None
    field: str | None = None
    derived: bool = False
    required: bool = False
    indexed: bool = False
    in_show: bool = True

    def __post_init__(self) -> None:
        """Require exactly one source of the value. Raises ValueError."""
        if (self.field is None) == (self.of_points is None):
            raise ValueError(f"{self.name} needs either a field or a function of the points")

    def read(self, measurement: Measurement) -> Any:
        """Return its value in a measurement, None if absent."""
        if self.field is None:
            return measurement.values.get(self.name)
        return reduce(getattr, self.field.split("."), measurement)
