"""Placed points, as a measure takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from radiograph.landmarks import PAIRS, Landmark
from radiograph.records import Header


class Point(NamedTuple):
    """One point: x to image right, y downwards."""

    x: float
    y: float

    def __sub__(self, other: Point) -> Point:
        """Return the way here from another point."""
        return Point(self.x - other.x, self.y - other.y)


@dataclass(frozen=True, slots=True)
class Placed:
    """Nineteen points in source pixels, ordered as `Landmark`, and what their file says."""

    points: Sequence[tuple[float, float]]
    header: Header

    def upright(self) -> tuple[Point, ...]:
        """Return the points in source pixels of the image held upright."""
        left, down = self.axes()
        return tuple(
            Point(left.x * x + left.y * y, down.x * x + down.y * y) for x, y in self.points
        )

    def axes(self) -> tuple[Point, Point]:
        """Return the directions, in the file, of the patient's left and of the patient's feet.

        A file may hold its image turned by quarters or mirrored. The patient's feet are in the
        direction of the mid-line, the patient's left is where the left points of the pairs are;
        both are taken to the nearest axis of the file.
        """
        top, base = (Point(*self.points[each]) for each in _MIDLINE)
        down = _nearest_axis(base - top)
        left = [sum(self.points[b][i] - self.points[a][i] for a, b in PAIRS) for i in (0, 1)]
        along = Point(-down.y, down.x) if down.x else Point(down.y, 0.0)
        side = math.copysign(1.0, along.x * left[0] + along.y * left[1])
        return Point(along.x * side, along.y * side), down


_MIDLINE = (Landmark.L1_MIDLINE_APEX, Landmark.L2_MIDLINE_COSTOPHRENIC)


def _nearest_axis(way: Point) -> Point:
    if abs(way.x) > abs(way.y):
        return Point(math.copysign(1.0, way.x), 0.0)
    return Point(0.0, math.copysign(1.0, way.y))
