"""The landmark network: a ResNet-18 trunk, a pyramid decoder, one heat map per point.

Coordinates are the expectation of a softmax over each heat map (DSNT, arXiv 1801.07372), which
keeps the spatial resolution. The scale of a Laplace error is averaged with the same probabilities.
Lungs and heart are segmented from the same features, which teaches the borders that the callipers
measure.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from network.attention import CoordinateAttention
from network.channels import channels
from network.input import INPUT_SIDE_PX
from radiograph.landmarks import Landmark

ARCHITECTURE = "resnet18-pyramid-heatmap"
STRIDE = 4
HEATMAP_SIDE = INPUT_SIDE_PX // STRIDE
OUTLINES = ("heart", "left_lung", "right_lung")


class NetworkOutput(NamedTuple):
    """Raw output for N images; H = ``HEATMAP_SIDE``.

    ``points`` (N, 19, 2) ``(x, y)`` input pixels; ``log_scales`` (N, 19, 2) natural logarithm of
    the Laplace scale along x and y, input pixels; ``heatmaps`` (N, 19, H, H) log-probabilities;
    ``outlines`` (N, 3, H, H) logits of ``OUTLINES``; ``frontal`` (N,) logit of an upright
    frontal chest.
    """

    points: Tensor
    log_scales: Tensor
    heatmaps: Tensor
    outlines: Tensor
    frontal: Tensor


class Reading(NamedTuple):
    """The outputs that a prediction needs; see `NetworkOutput`."""

    points: Tensor
    log_scales: Tensor
    frontal: Tensor


class LandmarkNetwork(nn.Module):
    """Predicts nineteen points of a frontal chest radiograph from (N, 128, 128) grey levels 0..255.

    ``attention``: add coordinate attention after the last three stages of the trunk.
    """

    def __init__(self, width: int = 64, *, attention: bool = False) -> None:
        super().__init__()
        trunk = resnet18(weights=None)
        self.stem = nn.Sequential(trunk.conv1, trunk.bn1, trunk.relu, trunk.maxpool)
        self.stages = nn.ModuleList((trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4))
        self.attention = nn.ModuleList(
            CoordinateAttention(count) for count in ((128, 256, 512) if attention else ())
        )
        self.laterals = nn.ModuleList(nn.Conv2d(c, width, 1) for c in (64, 128, 256, 512))
        self.context = nn.Linear(512, width)
        self.merges = nn.ModuleList(_block(width, width) for _ in range(4))
        self.refine = _block(width, width)
        points = len(Landmark)
        self.heatmaps = nn.Conv2d(width, points, 1)
        self.scales = nn.Conv2d(width, 2 * points, 1)
        self.outlines = nn.Conv2d(width, len(OUTLINES), 1)
        self.frontal = nn.Linear(512, 1)
        centres = torch.arange(HEATMAP_SIDE) * STRIDE + (STRIDE - 1) / 2.0
        self.register_buffer("centres", centres, persistent=False)
        self.centres: Tensor

    def forward(self, grey: Tensor) -> NetworkOutput:
        """Predict from (N, S, S) grey levels of any type, 0..255."""
        return self.from_views(channels(grey))

    def from_views(self, views: Tensor) -> NetworkOutput:
        """Predict from the (N, 3, S, S) views of `network.channels.channels`."""
        refined, pooled = self.features(views)
        # Coordinates in full precision: they need more than the 8 significand bits of bfloat16.
        with torch.autocast(views.device.type, enabled=False):
            return self.read(refined.float(), pooled.float())

    def features(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, width, H, H) refined and (N, 512) pooled features."""
        levels = self._encode(views)
        pooled = levels[3].mean(dim=(2, 3))
        deepest = self.laterals[3](levels[3]) + self.context(pooled)[:, :, None, None]
        merged = self.merges[3](deepest)
        for i in (2, 1, 0):
            above = functional.interpolate(merged, scale_factor=2.0, mode="bilinear")
            merged = self.merges[i](self.laterals[i](levels[i]) + above)
        return self.refine(merged), pooled

    def read(self, refined: Tensor, pooled: Tensor) -> NetworkOutput:
        """Return the output for features, in their precision."""
        return self._read(
            self.heatmaps(refined),
            self.scales(refined),
            self.outlines(refined),
            self.frontal(pooled).squeeze(1),
        )

    def summary(self, grey: Tensor) -> Tensor:
        """Return the trunk's last features pooled, (N, 512): the input of ``frontal``."""
        return self._encode(channels(grey))[3].mean(dim=(2, 3))

    def _encode(self, views: Tensor) -> list[Tensor]:
        features = self.stem(views.contiguous(memory_format=torch.channels_last))
        levels = []
        for i, stage in enumerate(self.stages):
            features = stage(features)
            if i and self.attention:
                features = self.attention[i - 1](features)
            levels.append(features)
        return levels

    def _read(
        self, logits: Tensor, scales: Tensor, outlines: Tensor, frontal: Tensor
    ) -> NetworkOutput:
        count, points = logits.shape[:2]
        log_probability = logits.flatten(2).log_softmax(dim=2)
        probability = log_probability.exp().view_as(logits)
        x = (probability.sum(dim=2) * self.centres).sum(dim=2)
        y = (probability.sum(dim=3) * self.centres).sum(dim=2)
        weighted = scales.view(count, points, 2, HEATMAP_SIDE, HEATMAP_SIDE)
        log_scales = (weighted * probability.unsqueeze(2)).sum(dim=(3, 4)).clamp(-4.0, 5.0)
        return NetworkOutput(
            points=torch.stack((x, y), dim=2),
            log_scales=log_scales,
            heatmaps=log_probability.view_as(logits),
            outlines=outlines,
            frontal=frontal,
        )


def _block(inward: int, outward: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, padding=1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )
