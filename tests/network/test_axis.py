"""Projection of fifteen landmarks onto the figure of the annotation."""

from __future__ import annotations

import numpy as np

from network.axis import LEVELS, onto_axis
from radiograph.landmarks import ANATOMICAL, MIRROR
from radiograph.phantom import draw_anatomy

SPREADS = np.ones((1, 19))


def figure() -> np.ndarray:
    """Return a tilted axis with unequal widths, and arbitrary callipers."""
    rng = np.random.default_rng(3)
    top, base = np.array([60.0, 20.0]), np.array([66.0, 100.0])
    along = (base - top) / np.linalg.norm(base - top)
    across = np.array([-along[1], along[0]])
    points = rng.uniform(0, 128, (1, 19, 2))
    for i, level in LEVELS.items():
        points[0, i] = top + level * (base - top)
        if i not in (0, 1, 8, 9, 10):
            points[0, i] += across * rng.uniform(10, 40) * (1 if i % 2 else -1)
    return points


def test_a_figure_of_the_annotation_is_unchanged() -> None:
    points = figure()
    assert np.allclose(onto_axis(points, SPREADS), points, atol=1e-6)


def test_the_truth_of_a_phantom_is_such_a_figure() -> None:
    points = draw_anatomy(np.random.default_rng(1)).points(128, 128)[None]
    assert np.abs(onto_axis(points, SPREADS) - points).max() < 0.05


def test_noise_is_reduced_and_callipers_are_unchanged() -> None:
    rng = np.random.default_rng(4)
    truth = np.repeat(figure(), 200, axis=0)
    noisy = truth + rng.normal(0, 3, truth.shape)
    drawn = onto_axis(noisy, np.ones((200, 19)))
    before = np.linalg.norm(noisy - truth, axis=2)[:, list(ANATOMICAL)].mean()
    after = np.linalg.norm(drawn - truth, axis=2)[:, list(ANATOMICAL)].mean()
    assert after < 0.8 * before
    assert np.array_equal(drawn[:, 15:], noisy[:, 15:])


def test_an_uncertain_point_moves_more_than_certain_ones() -> None:
    points = figure()
    moved = points.copy()
    moved[0, 9] += (0.0, 12.0)
    sure, vague = SPREADS.copy(), SPREADS.copy()
    vague[0, 9] = 50.0
    error = [np.abs(onto_axis(moved, spreads) - points)[0, :15].max() for spreads in (sure, vague)]
    assert error[1] < 0.05 < error[0]


def test_mirroring_and_projection_commute() -> None:
    noisy = figure() + np.random.default_rng(5).normal(0, 2, (1, 19, 2))

    def mirrored(points: np.ndarray) -> np.ndarray:
        back = points[:, list(MIRROR)].copy()
        back[..., 0] = 127 - back[..., 0]
        return back

    assert np.allclose(onto_axis(mirrored(noisy), SPREADS), mirrored(onto_axis(noisy, SPREADS)))


def test_points_without_an_axis_are_unchanged() -> None:
    points = np.full((1, 19, 2), 64.0)
    assert np.array_equal(onto_axis(points, SPREADS), points)
