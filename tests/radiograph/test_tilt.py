"""Tilt of the mid-line in degrees, for points with known tilt."""

from __future__ import annotations

import math

import pytest

from radiograph.measures.placed_points import PlacedPoints
from radiograph.measures.tilt import TILT, tilt_degrees
from radiograph.records import Header, ImageFormat

Points = list[tuple[float, float]]

HEADER = Header(ImageFormat.PNG, 400, 400)
#: An upright chest: mid-line at x = 200, pairs 40 to 100 pixels on either side.
STRAIGHT: Points = [
    *((200.0, 50.0), (200.0, 350.0)),
    *((120.0, 125.0), (280.0, 125.0), (110.0, 200.0), (290.0, 200.0), (100.0, 275.0)),
    *((300.0, 275.0), (200.0, 125.0), (200.0, 200.0), (200.0, 275.0)),
    *((160.0, 50.0), (240.0, 50.0), (100.0, 350.0), (300.0, 350.0)),
    *((150.0, 250.0), (260.0, 260.0), (100.0, 280.0), (300.0, 280.0)),
]


def turned(points: Points, degrees: float) -> Points:
    """Return points rotated clockwise about the middle of the image."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        (200 + (x - 200) * cos - (y - 200) * sin, 200 + (x - 200) * sin + (y - 200) * cos)
        for x, y in points
    ]


def scaled(points: Points, factor: float) -> Points:
    return [(x * factor, y * factor) for x, y in points]


def mirrored(points: Points) -> Points:
    return [(399 - x, y) for x, y in points]


def tilt(points: Points) -> float:
    return tilt_degrees(PlacedPoints(points, HEADER))


@pytest.mark.parametrize("degrees", [-44, -20, -7.5, -1, 0, 0.25, 3, 7.5, 44])
def test_the_tilt_is_positive_towards_the_patients_right(
    degrees: float,
) -> None:
    # Anticlockwise: the upper end moves to image left, the patient's right.
    assert tilt(turned(STRAIGHT, -degrees)) == pytest.approx(degrees, abs=1e-9)


def test_the_tilt_does_not_depend_on_image_size() -> None:
    leaning = turned(STRAIGHT, 6.0)
    assert tilt(scaled(leaning, 7.5)) == pytest.approx(tilt(leaning))


def test_the_tilt_does_not_depend_on_the_orientation_of_the_file() -> None:
    leaning = turned(STRAIGHT, -6.0)
    assert tilt(mirrored(leaning)) == pytest.approx(6.0)
    for quarters in (90, 180, 270):
        assert tilt(turned(leaning, quarters)) == pytest.approx(6.0)
        assert tilt(turned(mirrored(leaning), quarters)) == pytest.approx(6.0)


def test_borders_and_callipers_do_not_affect_tilt() -> None:
    moved = [*STRAIGHT[:2], *((x + 5, y - 3) for x, y in STRAIGHT[2:])]
    assert tilt(moved) == 0.0


def test_coinciding_points_have_a_tilt() -> None:
    assert tilt([(200.0, 200.0)] * 19) == 0.0


def test_seven_and_a_half_degrees_to_either_side_are_normal() -> None:
    assert TILT.normal is not None
    assert [each in TILT.normal for each in (-7.6, -7.5, 0.0, 7.5, 7.6)] == [
        *(False, True, True, True, False)
    ]
