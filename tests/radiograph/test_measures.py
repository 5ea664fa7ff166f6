"""The list of measures, and their input."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest

from radiograph.measures import MEASURES
from radiograph.measures.declaration import Measure
from radiograph.measures.placed_points import PlacedPoints
from radiograph.measures.values import OF_POINTS, measurement_of, of_points, values_of
from radiograph.phantom import draw_anatomy
from radiograph.reading.orientation import Turn
from radiograph.records import Header, ImageFormat
from testbed.records import measurement

TURNS = [Turn(*each) for each in itertools.product((False, True), repeat=3)]
HEADER = Header(ImageFormat.DICOM, 448, 400)


def test_every_measure_has_a_unique_name_and_a_meaning() -> None:
    names = [each.name for each in MEASURES]
    assert len(set(names)) == len(names)
    assert all(each.meaning for each in MEASURES)


def test_a_measure_without_a_source_is_refused() -> None:
    with pytest.raises(ValueError, match="field or a function"):
        Measure("nothing", "is measured")


def test_a_measurement_is_restored_from_its_values() -> None:
    made = measurement()
    values = values_of(made)
    assert list(values) == [each.name for each in MEASURES]
    assert measurement_of(made.points, made.spreads, values.__getitem__) == made
    numbers = values | {name: float(at) for at, name in enumerate(OF_POINTS)}
    again = measurement_of(made.points, made.spreads, numbers.__getitem__)
    assert values_of(again) == numbers


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_points_are_turned_upright_for_every_orientation_of_the_file(turn: Turn) -> None:
    points = draw_anatomy(np.random.default_rng(0)).points(448, 400)
    to_source = turn.to_source(448, 400)
    stored = points @ to_source[:, :2].T + to_source[:, 2]

    upright = PlacedPoints([(x, y) for x, y in stored.tolist()], HEADER).upright()

    moved = np.array(upright) - points
    assert np.allclose(moved, moved[0])


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_measure_does_not_depend_on_the_orientation_of_the_file(turn: Turn) -> None:
    points = draw_anatomy(np.random.default_rng(1)).points(448, 400)
    to_source = turn.to_source(448, 400)
    stored = points @ to_source[:, :2].T + to_source[:, 2]
    measured = partial(of_points, header=HEADER)
    expected = measured([(x, y) for x, y in points.tolist()])
    assert measured([(x, y) for x, y in stored.tolist()]) == pytest.approx(expected)
