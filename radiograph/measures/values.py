"""Conversion between a measurement and its values by measure name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from radiograph.measures import MEASURES
from radiograph.measures.placed_points import PlacedPoints
from radiograph.records import Header, Ict, Measurement

#: (attribute of `Measurement`, name of the measure)
_FIELDS = [(each.field.rpartition("."), each.name) for each in MEASURES if each.field is not None]
_INDEX = [(field, name) for (part, _, field), name in _FIELDS if part == "ict"]
_OWN = [(field, name) for (part, _, field), name in _FIELDS if not part]
#: Functions of the measures computed from points and header, by name.
OF_POINTS = {each.name: each.of_points for each in MEASURES if each.of_points is not None}


def values_of(measurement: Measurement) -> dict[str, Any]:
    """Return the value of every measure, by name."""
    return {each.name: each.read(measurement) for each in MEASURES}


def measurement_of(
    points: Sequence[Sequence[float]], spreads: Sequence[float], value: Callable[[str], Any]
) -> Measurement:
    """Return a measurement; ``value`` returns the value of a measure by name."""
    found = ((name, value(name)) for name in OF_POINTS)
    return Measurement(
        points=tuple((x, y) for x, y in points),
        spreads=tuple(spreads),
        ict=Ict(**{field: value(name) for field, name in _INDEX}),
        **{field: value(name) for field, name in _OWN},
        values={name: each for name, each in found if each is not None},
    )


def of_points(points: Sequence[tuple[float, float]], header: Header) -> dict[str, float]:
    """Return every measure computed from points and header, by name."""
    placed = PlacedPoints(points, header)
    return {name: measured(placed) for name, measured in OF_POINTS.items()}
