"""The pairs of the fifteen landmarks: how far apart they are, and how far from mirror images."""

from __future__ import annotations

import torch
from torch import Tensor

#: Left and right of the image, as indices of the landmarks: L3 and L4 first.
LATERAL_PAIRS = ((2, 3), (4, 5), (6, 7), (11, 12), (13, 14))
#: The distances that are to be preserved: (1, 2), (9, 10), (3, 4), (5, 6), (7, 8).
DISTANCE_PAIRS = ((0, 1), (8, 9), (2, 3), (4, 5), (6, 7))
MIDLINE = (0, 1, 8, 9, 10)


def asymmetry(points: Tensor) -> Tensor:
    """Distance of each right point from its left one reflected about the mid-line, (N, 5).

    ``points`` (N, 19, 2) in any unit. The mid-line is fitted to its five points and detached: a
    pair is moved towards symmetry, not the mid-line towards the pairs.
    """
    middle = points[:, list(MIDLINE)].detach()
    centre = middle.mean(dim=1, keepdim=True)
    spread = (middle - centre).transpose(1, 2) @ (middle - centre)
    along = torch.linalg.eigh(spread.cpu()).eigenvectors[:, :, 1].to(points.device)
    left = points[:, [pair[0] for pair in LATERAL_PAIRS]] - centre
    right = points[:, [pair[1] for pair in LATERAL_PAIRS]] - centre
    lengthwise = (left * along[:, None]).sum(dim=2, keepdim=True) * along[:, None]
    reflected = 2 * lengthwise - left
    # A floor below the square root: its slope at nothing is endless.
    apart: Tensor = ((right - reflected).square().sum(dim=2) + 1e-6).sqrt()
    return apart


def pair_lengths(points: Tensor) -> Tensor:
    """Distances of the five pairs, (N, 5), in the unit of ``points`` (N, 19, 2)."""
    first = points[:, [pair[0] for pair in DISTANCE_PAIRS]]
    second = points[:, [pair[1] for pair in DISTANCE_PAIRS]]
    return ((first - second).square().sum(dim=2) + 1e-6).sqrt()
