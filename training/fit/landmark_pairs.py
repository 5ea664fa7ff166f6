"""The pairs of the fifteen landmarks: their distances and their asymmetry."""

from __future__ import annotations

import torch
from torch import Tensor

#: Left and right of the image, as indices of the landmarks: L3 and L4 first.
LATERAL_PAIRS = ((2, 3), (4, 5), (6, 7), (11, 12), (13, 14))
#: The distances that are to be preserved: (1, 2), (9, 10), (3, 4), (5, 6), (7, 8).
DISTANCE_PAIRS = ((0, 1), (8, 9), (2, 3), (4, 5), (6, 7))
MIDLINE = (0, 1, 8, 9, 10)


def asymmetry(points: Tensor) -> Tensor:
    """Return the distance of each right point from its reflected left one, (N, 5).

    ``points`` (N, 19, 2) in any unit. The mid-line is fitted to its five points and detached, so
    gradients move the pairs and not the mid-line.
    """
    middle = points[:, list(MIDLINE)].detach()
    centre = middle.mean(dim=1, keepdim=True)
    spread = (middle - centre).transpose(1, 2) @ (middle - centre)
    along = torch.linalg.eigh(spread.cpu()).eigenvectors[:, :, 1].to(points.device)
    left = points[:, [pair[0] for pair in LATERAL_PAIRS]] - centre
    right = points[:, [pair[1] for pair in LATERAL_PAIRS]] - centre
    lengthwise = (left * along[:, None]).sum(dim=2, keepdim=True) * along[:, None]
    reflected = 2 * lengthwise - left
    # A minimum below the square root, whose slope at 0 is infinite.
    apart: Tensor = ((right - reflected).square().sum(dim=2) + 1e-6).sqrt()
    return apart


def pair_lengths(points: Tensor) -> Tensor:
    """Return the distances of the five pairs, (N, 5), in the unit of ``points`` (N, 19, 2)."""
    first = points[:, [pair[0] for pair in DISTANCE_PAIRS]]
    second = points[:, [pair[1] for pair in DISTANCE_PAIRS]]
    return ((first - second).square().sum(dim=2) + 1e-6).sqrt()
