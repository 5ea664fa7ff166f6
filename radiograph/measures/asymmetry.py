"""Asymmetry of the two halves of the chest, or rotation of the patient.

No landmark marks the clavicles, so the two cannot be distinguished.
"""

from __future__ import annotations

import math

from radiograph.landmarks import PAIRS, Landmark
from radiograph.measures.declaration import Measure, NormalRange
from radiograph.measures.placed_points import PlacedPoints

#: The outer lung borders at one quarter, one half and three quarters of the mid-line.
_BORDERS = PAIRS[:3]


def asymmetry(placed: PlacedPoints) -> float:
    """Return (R - L) / (R + L), from -1 to 1; positive if the patient's right is wider.

    R and L are the summed distances of the three borders of each side from the mid-line, the
    straight line through L1 and L2. A side whose borders are across the mid-line has width 0.
    """
    points = placed.upright()
    top = points[Landmark.L1_MIDLINE_APEX]
    down = points[Landmark.L2_MIDLINE_COSTOPHRENIC] - top
    length = math.hypot(*down) or 1.0

    def to_the_left(index: int) -> float:
        vector = points[index] - top
        return (vector.x * down.y - vector.y * down.x) / length

    right = max(0.0, -sum(to_the_left(of_right) for of_right, _ in _BORDERS))
    left = max(0.0, sum(to_the_left(of_left) for _, of_left in _BORDERS))
    return (right - left) / ((right + left) or 1.0)


ASYMMETRY = Measure(
    "asymmetry",
    "asymmetry or rotation: (R - L) / (R + L) of the lungs' widths from the mid-line",
    decimals=4,
    shown_decimals=3,
    # Range of 95 % of 397 normal radiographs.
    normal=NormalRange(-0.072, 0.057),
    of_points=asymmetry,
)
