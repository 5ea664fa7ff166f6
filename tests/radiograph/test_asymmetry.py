"""Asymmetry of the chest about its mid-line, for points with known widths."""

from __future__ import annotations

import math

import pytest

from radiograph.measures.asymmetry import ASYMMETRY, asymmetry
from radiograph.measures.placed_points import PlacedPoints
from radiograph.records import Header, ImageFormat

Points = list[tuple[float, float]]

HEADER = Header(ImageFormat.PNG, 400, 400)


def chest(right: float, left: float) -> Points:
    """Return points with the mid-line at x = 200 and three borders per side."""
    return [
        *((200.0, 50.0), (200.0, 350.0)),
        *((200 - right + 10, 125.0), (200 + left - 20, 125.0)),
        *((200 - right, 200.0), (200 + left, 200.0)),
        *((200 - right - 10, 275.0), (200 + left + 20, 275.0)),
        *((200.0, 125.0), (200.0, 200.0), (200.0, 275.0)),
        *((160.0, 50.0), (220.0, 50.0), (100.0, 350.0), (320.0, 350.0)),
        *((150.0, 250.0), (260.0, 260.0), (100.0, 280.0), (300.0, 280.0)),
    ]


def turned(points: Points, degrees: float) -> Points:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        (200 + (x - 200) * cos - (y - 200) * sin, 200 + (x - 200) * sin + (y - 200) * cos)
        for x, y in points
    ]


def measured(points: Points) -> float:
    return asymmetry(PlacedPoints(points, HEADER))


@pytest.mark.parametrize(
    ("right", "left", "expected"),
    [
        (100, 100, 0.0),
        (110, 90, 0.1),
        (90, 110, -0.1),
        (120, 80, 0.2),
        (150, 50, 0.5),
        (100, -100, 1.0),  # the borders are across the mid-line
        (-100, 100, -1.0),
    ],
)
def test_asymmetry_is_the_difference_of_both_widths_over_their_sum(
    right: float, left: float, expected: float
) -> None:
    assert measured(chest(right, left)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("degrees", [-44, -10, -2.5, 2.5, 10, 44])
def test_a_tilted_chest_is_measured_across_its_mid_line(degrees: float) -> None:
    assert measured(turned(chest(110, 90), degrees)) == pytest.approx(0.1)


def test_asymmetry_does_not_depend_on_scale_or_position() -> None:
    assert measured([(x * 7.5 + 31, y * 7.5 - 12) for x, y in chest(110, 90)]) == pytest.approx(0.1)


def test_a_mirrored_chest_changes_the_sign_and_a_mirrored_file_does_not() -> None:
    points = chest(110, 90)
    reflected = [(399 - x, y) for x, y in points]
    assert measured(reflected) == pytest.approx(0.1)  # only the file is mirrored
    swapped = [reflected[each] for each in (0, 1, 3, 2, 5, 4, 7, 6, 8, 9, 10)]
    swapped += [reflected[each] for each in (12, 11, 14, 13, 16, 15, 18, 17)]
    assert measured(swapped) == pytest.approx(-0.1)
    for quarters in (90, 180, 270):
        assert measured(turned(points, quarters)) == pytest.approx(0.1)
        assert measured(turned(reflected, quarters)) == pytest.approx(0.1)


def test_apices_costophrenic_angles_and_callipers_do_not_affect_asymmetry() -> None:
    points = chest(110, 90)
    moved = [*points[:11], *((x + 30, y) for x, y in points[11:])]
    assert measured(moved) == pytest.approx(0.1)


def test_coinciding_points_have_an_asymmetry() -> None:
    assert measured([(200.0, 200.0)] * 19) == 0.0


def test_the_normal_range_is_wider_towards_the_left() -> None:
    assert ASYMMETRY.normal is not None
    assert [each in ASYMMETRY.normal for each in (-0.073, -0.072, 0.0, 0.057, 0.058)] == [
        *(False, True, True, True, False)
    ]
