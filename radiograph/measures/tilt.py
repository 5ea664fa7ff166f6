"""Tilt of the mid-line: of the patient, of the detector, or of a scanned image."""

from __future__ import annotations

import math

from radiograph.landmarks import Landmark
from radiograph.measures.declaration import Measure, NormalRange
from radiograph.measures.placed_points import PlacedPoints


def tilt_degrees(placed: PlacedPoints) -> float:
    """Return the angle between the mid-line, from L1 to L2, and the image's vertical.

    Positive where the upper end leans to the patient's right, which is image left.
    """
    points = placed.upright()
    down = points[Landmark.L2_MIDLINE_COSTOPHRENIC] - points[Landmark.L1_MIDLINE_APEX]
    return math.degrees(math.atan2(down.x, down.y))


TILT = Measure(
    "tilt_degrees",
    "angle of the mid-line to the vertical; positive: its upper end leans to the patient's right",
    "degrees",
    decimals=2,
    shown_decimals=1,
    # Range of 95 % of 397 normal radiographs.
    normal=NormalRange(-7.5, 7.5),
    of_points=tilt_degrees,
)
