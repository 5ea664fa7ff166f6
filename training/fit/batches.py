"""Random training batches on one device, with augmentation and counterexamples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from network.input import INPUT_SIDE_PX
from training.fit.counterexamples import counterexamples
from training.fit.geometry import move_pixels, move_points, random_affines
from training.fit.objective import Target
from training.fit.photometry import expose
from training.fit.warps import random_warps, warp_points
from training.plan import Plan
from training.samples import LANDMARK_SOURCES, Samples


@dataclass(frozen=True, slots=True)
class Batch:
    """``grey`` (N, S, S) floats 0..255 and their target."""

    grey: Tensor
    target: Target


class BatchSource:
    """Holds every sample on the device; a batch is a random selection of indices."""

    def __init__(self, samples: Samples, plan: Plan, device: torch.device) -> None:
        self._plan = plan
        self._device = device
        self._side = samples.images.shape[-1]
        self._images = torch.from_numpy(samples.images).to(device)
        self._points = torch.from_numpy(samples.points).to(device)
        self._outlines = torch.from_numpy(samples.outlines).to(device)
        self._outlined = torch.from_numpy(samples.outlined).to(device)
        self._frontal = torch.from_numpy(samples.frontal).to(device)
        self._scale = torch.from_numpy(samples.scale).to(device)
        landmark = np.isin(samples.sources, LANDMARK_SOURCES)
        outlined = samples.has_callipers() & ~landmark
        bare = ~np.isfinite(samples.points).any(axis=(1, 2))
        pools = [
            (pool, size, warp)
            for pool, size, warp in (
                (landmark, plan.landmark_batch, plan.geometry.landmark_warp_px),
                (outlined, plan.calliper_batch, plan.geometry.calliper_warp_px),
                (bare, plan.frontal_batch, plan.geometry.landmark_warp_px),
            )
            if pool.any()
        ]
        self._pools = [
            (torch.from_numpy(np.flatnonzero(pool)).to(device), size) for pool, size, _ in pools
        ]
        self._warps_px = torch.tensor(
            [warp for _, size, warp in pools for _ in range(size)], device=device
        )

    def state(self) -> dict[str, Any]:
        """Return nothing: a draw depends only on the generators."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Do nothing: there is no state."""

    def draw(self) -> Batch:
        """Return the next random batch."""
        index = torch.cat(
            [
                pool[torch.randint(len(pool), (size,), device=self._device)]
                for pool, size in self._pools
            ]
        )
        affines = random_affines(len(index), self._plan.geometry, self._device)
        pixels = torch.cat(
            (self._images[index].unsqueeze(1).float(), self._outlines[index].float()), dim=1
        )
        points = move_points(self._points[index], affines, self._side, INPUT_SIDE_PX)
        warps = None
        if self._warps_px.any():
            warps = random_warps(self._warps_px, INPUT_SIDE_PX)
            points = warp_points(points, warps)
        moved = move_pixels(pixels, affines, INPUT_SIDE_PX, warps)
        outside = ((points < 0) | (points > INPUT_SIDE_PX - 1)).any(dim=2, keepdim=True)
        points = points.masked_fill(outside, torch.nan)
        # The frame of the error stays that of the radiograph at any zoom.
        to_224 = self._scale[index] * self._side / INPUT_SIDE_PX
        grey = expose(moved[:, 0])
        frontal = self._frontal[index].clone()
        count = self._plan.counterexample_batch
        if count:
            chosen = torch.randperm(len(index), device=self._device)[:count]
            grey[chosen] = counterexamples(grey[chosen])
            frontal[chosen] = 0.0
        outlined = self._outlined[index] & (frontal > 0.5)
        return Batch(grey, Target(points, moved[:, 1:], outlined, frontal, to_224))


def held_out_batch(samples: Samples, device: torch.device) -> Batch:
    """Return a batch without augmentation, as in inference.

    ``samples`` were read at the network's side.
    """
    return Batch(
        torch.from_numpy(samples.images).to(device),
        Target(
            torch.from_numpy(samples.points).to(device),
            torch.from_numpy(samples.outlines).to(device).float(),
            torch.from_numpy(samples.outlined).to(device),
            torch.from_numpy(samples.frontal).to(device),
            torch.from_numpy(samples.scale).to(device),
        ),
    )
