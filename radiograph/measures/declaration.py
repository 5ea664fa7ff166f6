"""What a measure says of itself, from which every column, table and file follows."""

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
    """Where 95 % of normal radiographs lie, both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """Say whether a value is within."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a radiograph: a column of the database, of every file and of every table.

    ``meaning``: its line in the data dictionary. ``holds``: float, bool or an enumeration.
    ``decimals`` are those that files keep, ``shown_decimals`` those a person is shown.
    ``of_points`` gives it from what is stored of any result, so that `recompute` has it for those
    that were measured before; it has a value for all points of a frontal chest.
    ``field``: the attribute of `Measurement` that holds a measure that needs more than points,
    ``ict.value`` for one of the index; without it the measure is one of its ``values``.
    ``derived``: follows from the other columns and the settings, and anew with other settings.
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
        """Refuse what nothing would fill. Raises ValueError."""
        if (self.field is None) == (self.of_points is None):
            raise ValueError(f"{self.name} has a field or a function of the points, one of both")

    def read(self, measurement: Measurement) -> Any:
        """Return its value in a measurement, None where it has none."""
        if self.field is None:
            return measurement.values.get(self.name)
        return reduce(getattr, self.field.split("."), measurement)
