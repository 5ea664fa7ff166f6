"""Smooth random warps for a batch: other shapes of chests and hearts than those annotated.

An affine keeps the heart's share of the chest; a warp does not, so the callipers are trained on
wider and narrower hearts than those of a few hundred annotated radiographs.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: Knots per side: the warp varies over a quarter of the radiograph, about the size of a heart.
KNOTS = 5
#: Rounds of the inversion, which converges: warps vary by less than 1/3 px per px.
_ROUNDS = 8


def random_warps(sizes_px: Tensor, side: int) -> Tensor:
    """Return random (N, 2, side, side) displacements ``(x, y)`` in px, from target to source.

    ``sizes_px`` (N, 2): largest standard deviations along x and y; each image uses a random share.
    """
    count, device = len(sizes_px), sizes_px.device
    knots = torch.randn(count, 2, KNOTS, KNOTS, device=device)
    shares = torch.rand(count, 1, device=device)
    return functional.interpolate(
        knots * (shares * sizes_px)[:, :, None, None],
        size=(side, side),
        mode="bicubic",
        align_corners=True,
    )


def warp_points(points: Tensor, warps: Tensor) -> Tensor:
    """Return (N, P, 2) points of the unwarped square in the warped one.

    NaN points stay NaN. The warp maps target to source, so it is inverted by iteration.
    """
    known = torch.nan_to_num(points)
    placed = known
    for _ in range(_ROUNDS):
        placed = known - _read(warps, placed)
    return torch.where(torch.isfinite(points), placed, points)


def _read(warps: Tensor, points: Tensor) -> Tensor:
    """Return the displacement at each point, (N, P, 2)."""
    grid = (points + 0.5) * (2.0 / warps.shape[-1]) - 1.0
    read = functional.grid_sample(
        warps, grid.unsqueeze(2), mode="bilinear", padding_mode="border", align_corners=False
    )
    return read.squeeze(3).transpose(1, 2)
