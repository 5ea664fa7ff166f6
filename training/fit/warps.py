"""Smooth random warps for a batch: chests and hearts of other shapes than those annotated.

An affine keeps the heart's share of the chest; a warp does not, so that the callipers meet wider
and narrower hearts than a few hundred annotated radiographs hold.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: Knots a side: the warp bends over a quarter of the radiograph, about the size of a heart.
KNOTS = 5
#: Rounds of the inversion; a warp bends by less than a third of a pixel a pixel, so it settles.
_ROUNDS = 8


def random_warps(sizes_px: Tensor, side: int) -> Tensor:
    """Draw (N, 2, side, side) displacements ``(x, y)`` in px, from target to source.

    ``sizes_px`` (N, 2): largest standard deviations along x and y; each radiograph draws its share.
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
    """Move (N, P, 2) points of the unwarped square to where the warped one shows them.

    NaN points stay NaN. The warp leads from target to source, so it is inverted by iteration.
    """
    known = torch.nan_to_num(points)
    placed = known
    for _ in range(_ROUNDS):
        placed = known - _read(warps, placed)
    return torch.where(torch.isfinite(points), placed, points)


def _read(warps: Tensor, points: Tensor) -> Tensor:
    """Read the displacement at each point, (N, P, 2)."""
    grid = (points + 0.5) * (2.0 / warps.shape[-1]) - 1.0
    read = functional.grid_sample(
        warps, grid.unsqueeze(2), mode="bilinear", padding_mode="border", align_corners=False
    )
    return read.squeeze(3).transpose(1, 2)
