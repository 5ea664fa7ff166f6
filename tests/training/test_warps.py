"""Warps move pixels and points alike."""

from __future__ import annotations

import torch

from training.fit.geometry import move_pixels
from training.fit.warps import random_warps, warp_points

SIDE = 96


def test_a_warped_point_is_at_its_position_in_the_warped_image() -> None:
    torch.manual_seed(3)
    axis = torch.arange(SIDE, dtype=torch.float32)
    points = torch.tensor([[[30.0, 40.0], [61.5, 52.0], [48.0, 70.0]]]).expand(6, -1, -1)
    squared = (axis - points[..., :1, None]) ** 2 + (axis[:, None] - points[..., 1:, None]) ** 2
    spots = torch.exp(-squared / (2 * 2.0**2))
    warps = random_warps(torch.tensor([[4.0, 3.0]]).expand(6, -1), SIDE)
    still = torch.eye(3).expand(6, 3, 3)
    moved = move_pixels(spots, still, SIDE, warps)
    mass = moved.sum(dim=(2, 3))
    seen = torch.stack(
        ((moved.sum(dim=2) * axis).sum(dim=2) / mass, (moved.sum(dim=3) * axis).sum(dim=2) / mass),
        dim=2,
    )
    placed = warp_points(points, warps)
    assert (placed - points).abs().max() > 2.0
    # The centroid of a warped spot differs slightly from the warped centroid.
    assert (placed - seen).abs().max() < 0.6


def test_an_absent_point_stays_absent() -> None:
    warps = random_warps(torch.tensor([[5.0, 5.0]]), SIDE)
    placed = warp_points(torch.tensor([[[torch.nan, torch.nan], [20.0, 30.0]]]), warps)
    assert torch.isnan(placed[0, 0]).all()
    assert torch.isfinite(placed[0, 1]).all()


def test_a_warp_of_size_zero_does_not_move_points() -> None:
    points = torch.rand(2, 5, 2) * SIDE
    assert torch.equal(warp_points(points, random_warps(torch.zeros(2, 2), SIDE)), points)
