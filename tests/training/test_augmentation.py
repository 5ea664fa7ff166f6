"""Augmentation moves pixels and points alike."""

from __future__ import annotations

import torch

from radiograph.landmarks import MIRROR
from training.fit.counterexamples import _KINDS, counterexamples
from training.fit.geometry import GeometryRanges, move_pixels, move_points, random_affines
from training.fit.photometry import expose

CPU = torch.device("cpu")


def test_a_bright_spot_and_its_point_move_together() -> None:
    torch.manual_seed(1)
    ranges = GeometryRanges(mirror=0.0)
    affines = random_affines(16, ranges, CPU)
    pixels = torch.zeros(16, 1, 160, 160)
    pixels[:, 0, 66:71, 88:93] = 1.0
    points = torch.tensor([90.0, 68.0]).expand(16, 19, 2)
    moved = move_pixels(pixels, affines, 128)[:, 0]
    placed = move_points(points, affines, 160, 128)[:, 0]
    axis = torch.arange(128.0)
    mass = moved.sum(dim=(1, 2))
    x = (moved.sum(dim=1) * axis).sum(dim=1) / mass
    y = (moved.sum(dim=2) * axis).sum(dim=1) / mass
    assert torch.allclose(torch.stack((x, y), dim=1), placed, atol=0.2)


def test_mirroring_swaps_left_and_right_points() -> None:
    torch.manual_seed(2)
    ranges = GeometryRanges(0.0, 0.0, 0.0, 0.0, 0.0, mirror=1.0)
    affines = random_affines(2, ranges, CPU)
    points = torch.rand(2, 19, 2) * 100 + 14
    placed = move_points(points, affines, 128, 128)
    expected = points.clone()
    expected[..., 0] = 127 - expected[..., 0]
    assert torch.allclose(placed, expected[:, list(MIRROR)], atol=1e-3)


def test_mirroring_twice_is_the_identity() -> None:
    assert [MIRROR[i] for i in MIRROR] == list(range(19))


def test_absent_points_stay_absent() -> None:
    affines = random_affines(1, GeometryRanges(), CPU)
    points = torch.full((1, 19, 2), torch.nan)
    assert torch.isnan(move_points(points, affines, 128, 128)).all()


def test_exposure_keeps_the_margin_black_and_the_grey_range() -> None:
    torch.manual_seed(3)
    radiograph = torch.rand(24, 64, 64) * 254 + 1
    radiograph[:, :8] = 0
    exposed = expose(radiograph)
    assert (exposed[:, :8] == 0).all()
    assert exposed.min() >= 0
    assert exposed.max() <= 255
    assert torch.equal(exposed, exposed.round())
    assert (exposed != radiograph).any(dim=(1, 2)).float().mean() > 0.9


def test_every_counterexample_differs_from_the_chest_it_came_from() -> None:
    torch.manual_seed(4)
    ramp = torch.arange(64.0)[:, None] * 2 + torch.arange(64.0)[None] + 1
    for kind in _KINDS:
        made = kind(ramp)
        assert made.shape == ramp.shape
        assert not torch.equal(made, ramp)
    assert counterexamples(ramp.expand(12, 64, 64)).shape == (12, 64, 64)
