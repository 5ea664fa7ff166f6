"""Random geometry for a batch: one affine per image, applied to pixels, outlines and points.

Mirroring swaps the left and right points, so that L3 stays on the patient's right.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from radiograph.landmarks import MIRROR
from training.plan import GeometryRanges


def random_affines(count: int, ranges: GeometryRanges, device: torch.device) -> Tensor:
    """Return random (N, 3, 3) matrices from source to target, both -1..1 about the centre."""

    def even(width: float) -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * width

    angle = even(math.radians(ranges.rotation_degrees))
    shear = even(math.tan(math.radians(ranges.shear_degrees)))
    zoom, aspect = even(ranges.zoom), even(ranges.aspect)
    scale_x, scale_y = (zoom + aspect / 2).exp(), (zoom - aspect / 2).exp()
    mirrored = torch.rand(count, device=device) < ranges.mirror
    scale_x = torch.where(mirrored, -scale_x, scale_x)
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rotate = torch.stack((cos, -sin, zero, sin, cos, zero, zero, zero, one), 1).view(-1, 3, 3)
    stretch = torch.stack(
        (scale_x, shear, even(2 * ranges.shift), zero, scale_y, even(2 * ranges.shift)), 1
    ).view(-1, 2, 3)
    last = torch.tensor([0.0, 0.0, 1.0], device=device).expand(count, 1, 3)
    return rotate @ torch.cat((stretch, last), 1)


def move_pixels(pixels: Tensor, affines: Tensor, side: int, warps: Tensor | None = None) -> Tensor:
    """Return (N, C, S, S) floats resampled through ``affines`` to (N, C, side, side); outside is 0.

    ``warps`` (N, 2, side, side) px are applied after the affine; see ``training.fit.warps``.
    """
    inverse = torch.linalg.inv(affines)[:, :2]
    grid = functional.affine_grid(
        inverse, [len(pixels), pixels.shape[1], side, side], align_corners=False
    )
    if warps is not None:
        bent = torch.einsum("nij,njhw->nhwi", inverse[:, :, :2], warps)
        grid = grid + bent * (2.0 / side)
    return functional.grid_sample(pixels, grid, mode="bilinear", align_corners=False)


def move_points(points: Tensor, affines: Tensor, source_side: int, side: int) -> Tensor:
    """Return (N, P, 2) source points in the target square, with mirrored pairs swapped."""
    centred = (points + 0.5) * (2.0 / source_side) - 1.0
    moved = centred @ affines[:, :2, :2].transpose(1, 2) + affines[:, None, :2, 2]
    placed = (moved + 1.0) * (side / 2.0) - 0.5
    mirrored = torch.linalg.det(affines[:, :2, :2]) < 0
    order = torch.tensor(MIRROR, device=points.device)
    return torch.where(mirrored[:, None, None], placed[:, order], placed)
