"""Points and callipers in the coordinates of DICOM objects.

thoraq's points have pixel centres at whole numbers; in objects (0, 0) is the upper left corner of
the first pixel and (columns, rows) the lower right corner of the last one (PS3.3 C.18.6.1.2 and
C.10.5.1.2). Coordinates outside the image are not allowed, so points beyond its edge are on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from radiograph.landmarks import MIDLINE, Landmark
from radiograph.measures.placed_points import PlacedPoints
from results.objects.findings import Findings

Place = tuple[float, float]
_HALF_PIXEL = 0.5
#: Decimals of a coordinate that mean something.
_DECIMALS = 3


def landmark(findings: Findings, point: Landmark) -> Place:
    """Return one landmark."""
    return _in_image(findings, findings.measurement.points[point])


def midline(findings: Findings) -> list[Place]:
    """Return the mid-line from the apices to the base."""
    return [landmark(findings, Landmark(each)) for each in MIDLINE]


def heart_calliper(findings: Findings) -> list[Place]:
    """Return the line that is as long as the heart is wide."""
    return _calliper(findings, Landmark.HEART_RIGHT, Landmark.HEART_LEFT)


def thorax_calliper(findings: Findings) -> list[Place]:
    """Return the line that is as long as the thorax is wide."""
    return _calliper(findings, Landmark.THORAX_RIGHT, Landmark.THORAX_LEFT)


def _calliper(findings: Findings, *ends: Landmark) -> list[Place]:
    """Return the line across the patient at the mean height of both ends, the right one first.

    Widths are measured across, so a line from end to end would be longer than the width.
    """
    points = findings.measurement.points
    left, down = PlacedPoints(points, findings.header).axes()
    height = sum(down.x * points[each][0] + down.y * points[each][1] for each in ends) / len(ends)
    across = [left.x * points[each][0] + left.y * points[each][1] for each in ends]
    line = [(left.x * at + down.x * height, left.y * at + down.y * height) for at in across]
    return [_in_image(findings, each) for each in line]


def flat(places: Iterable[Place]) -> list[float]:
    """Return x and y of every place in one list."""
    return [value for place in places for value in place]


def _in_image(findings: Findings, point: Place) -> Place:
    x, y = (each + _HALF_PIXEL for each in point)
    header = findings.header
    return (
        round(min(max(x, 0.0), float(header.columns)), _DECIMALS),
        round(min(max(y, 0.0), float(header.rows)), _DECIMALS),
    )
