"""Points of a radiograph, as input of a measure."""

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
        """Return the vector from another point to this one."""
        return Point(self.x - other.x, self.y - other.y)


@dataclass(frozen=True, slots=True)
class PlacedPoints:
    """Nineteen points in source pixels, ordered as `Landmark`, and the header of their file."""

    points: Sequence[tuple[float, float]]
    header: Header

    def upright(self) -> tuple[Point, ...]:
        """Return the points in source pixels of the upright image."""
        left, down = self.axes()
        return tuple(
            Point(left.x * x + left.y * y, down.x * x + down.y * y) for x, y in self.points
        )

    def axes(self) -> tuple[Point, Point]:
        """Return the directions, in the file, of the patient's left and of the patient's feet.

        A file may be rotated by multiples of 90 degrees or mirrored. The direction of the mid-line
        is towards the feet, that from right to left points towards the patient's left; both are
        rounded to the nearest axis of the file.
        """
        top, base = (Point(*self.points[each]) for each in _MIDLINE)
        down = _nearest_axis(base - top)
        left = [sum(self.points[b][i] - self.points[a][i] for a, b in PAIRS) for i in (0, 1)]
        along = Point(-down.y, down.x) if down.x else Point(down.y, 0.0)
        side = math.copysign(1.0, along.x * left[0] + along.y * left[1])
        return Point(along.x * side, along.y * side), down


_MIDLINE = (Landmark.L1_MIDLINE_APEX, Landmark.L2_MIDLINE_COSTOPHRENIC)


def _nearest_axis(vector: Point) -> Point:
    if abs(vector.x) > abs(vector.y):
        return Point(math.copysign(1.0, vector.x), 0.0)
    return Point(0.0, math.copysign(1.0, vector.y))
