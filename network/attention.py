"""Coordinate attention (arXiv 2103.02907): weights along each axis from pooling along the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CoordinateAttention(nn.Module):
    """Scale (N, C, H, W) features per row and per column.

    ``neutral``: initialise to the identity, so that the block can be added to a trained network;
    otherwise use the initialisation of the paper.
    """

    def __init__(self, channels: int, reduction: int = 32, *, neutral: bool = True) -> None:
        super().__init__()
        inner = max(8, channels // reduction)
        self.mix = nn.Sequential(
            nn.Conv2d(channels, inner, 1), nn.BatchNorm2d(inner), nn.Hardswish()
        )
        self.rows = nn.Conv2d(inner, channels, 1)
        self.columns = nn.Conv2d(inner, channels, 1)
        self._gain = 1.0
        if neutral:
            self._gain = 2.0  # sigmoid(0) is one half
            for gate in (self.rows, self.columns):
                nn.init.zeros_(gate.weight)
                nn.init.zeros_(gate.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        height = features.shape[2]
        rows = features.mean(dim=3, keepdim=True)
        columns = features.mean(dim=2, keepdim=True).transpose(2, 3)
        mixed = self.mix(torch.cat((rows, columns), dim=2))
        of_rows = self.rows(mixed[:, :, :height]).sigmoid() * self._gain
        of_columns = self.columns(mixed[:, :, height:]).sigmoid().transpose(2, 3) * self._gain
        weighed: Tensor = features * of_rows * of_columns
        return weighed
