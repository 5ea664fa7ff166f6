"""The original work's network and recipe, with its faults, for comparison in the phase table.

Coordinates of 0 to 1 from pooled features, flips that mirror x without swapping pairs, Wing on
those coordinates, where its omega of 10 makes it a scaled distance, and a loss towards perfect
symmetry.
Radiographs are prepared as for thoraq's network, windowed and with a margin, in three equal
channels of 224 x 224.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from network.attention import CoordinateAttention
from radiograph.landmarks import ANATOMICAL
from training.errors import DataMissing
from training.fit.geometry import move_pixels
from training.fit.landmark_pairs import DISTANCE_PAIRS, LATERAL_PAIRS, MIDLINE
from training.fit.objective import wing
from training.fit.recipe import Batches, Recipe, SplitErrors, finite
from training.plan import Phase, Plan, PointLoss
from training.samples import Samples, training_samples

SIDE_PX = 224
#: Mean and standard deviation of ImageNet, for torchvision's weights.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OMEGA, EPSILON = 10.0, 2.0
_EVALUATION_BATCH = 16


class OriginalNetwork(nn.Module):
    """Fifteen points, (N, 15, 2) of 0 to 1, from (N, 224, 224) grey levels 0..255."""

    def __init__(self, *, attention: bool) -> None:
        super().__init__()
        trunk = resnet18(weights=None)
        self.trunk = nn.Sequential(*list(trunk.children())[:-2])
        self.attention = CoordinateAttention(512, neutral=False) if attention else nn.Identity()
        self.head = nn.Sequential(
            *(nn.Dropout(0.5), nn.Linear(512, 512), nn.ReLU()),
            *(nn.Dropout(0.25), nn.Linear(512, 256), nn.ReLU()),
            *(nn.Dropout(0.125), nn.Linear(256, 2 * len(ANATOMICAL)), nn.Sigmoid()),
        )

    def forward(self, grey: Tensor) -> Tensor:
        """Predict."""
        radiograph = grey.float().unsqueeze(1).expand(-1, 3, -1, -1) / 255.0
        mean = torch.tensor(MEAN, device=grey.device).view(1, 3, 1, 1)
        deviation = torch.tensor(DEVIATION, device=grey.device).view(1, 3, 1, 1)
        features = self.attention(self.trunk((radiograph - mean) / deviation))
        points: Tensor = self.head(features.mean(dim=(2, 3))).view(-1, len(ANATOMICAL), 2)
        return points


class OriginalBatches:
    """Every radiograph once per epoch, in a new random order."""

    def __init__(self, samples: Samples, size: int, device: torch.device) -> None:
        self._images = torch.from_numpy(samples.images).to(device)
        self._points = torch.from_numpy(_unit_points(samples)).to(device)
        self._size = size
        self._order = torch.empty(0, dtype=torch.long)

    def state(self) -> dict[str, Any]:
        """Return the radiographs left in the epoch."""
        return {"order": self._order}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from ``state``."""
        self._order = state["order"]

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return grey levels (N, 224, 224) and points (N, 15, 2) of 0 to 1."""
        if not len(self._order):
            self._order = torch.randperm(len(self._images))
        index, self._order = self._order[: self._size], self._order[self._size :]
        return augment(self._images[index].float(), self._points[index])


def augment(radiograph: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return augmented images and points: flips, rotations and brightness of the original code."""
    count, device = len(radiograph), radiograph.device
    turned = torch.rand(count, device=device) < 0.3
    angle = (torch.rand(count, device=device) * 2 - 1) * math.radians(10.0) * turned
    flip = 1.0 - 2.0 * (torch.rand(count, device=device) < 0.5).float()
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros(count, device=device)
    rows = (cos * flip, -sin, zero, sin * flip, cos, zero, zero, zero, zero + 1)
    affines = torch.stack(rows, dim=1).view(-1, 3, 3)
    moved = move_pixels(radiograph.unsqueeze(1), affines, SIDE_PX).squeeze(1)
    # Fault of the original: mirrored left and right points are not swapped.
    placed = ((points * 2 - 1) @ affines[:, :2, :2].transpose(1, 2) + 1) / 2
    light, contrast = (torch.rand(2, count, 1, 1, device=device) * 0.4 + 0.8).unbind(0)
    mean = moved.mean(dim=(1, 2), keepdim=True)
    return (((moved - mean) * contrast + mean) * light).clamp(0, 255), placed


class OriginalRecipe:
    """The original network on radiographs with landmarks."""

    def __init__(
        self, train: Samples, held_out: dict[str, Samples], plan: Plan, device: torch.device
    ) -> None:
        self._train, self._size = train, plan.landmark_batch
        self._held_out = held_out
        self._device = device
        self.epoch_steps = max(1.0, math.ceil(len(train) / plan.landmark_batch))

    def network(self, phase: Phase) -> nn.Module:
        """Return the untrained network of a phase."""
        return OriginalNetwork(attention=phase.attention)

    def trunk(self, network: nn.Module) -> list[nn.Module]:
        """Return the modules that learn at the trunk's rate."""
        return [network.get_submodule("trunk")]

    def batches(self) -> Batches:
        """Return the training batches, at the beginning of an epoch."""
        return OriginalBatches(self._train, self._size, self._device)

    def loss_parts(
        self, network: nn.Module, batch: tuple[Tensor, Tensor], phase: Phase
    ) -> dict[str, Tensor]:
        """Return the weighted parts whose sum is minimised, of coordinates of 0 to 1."""
        radiograph, true = batch
        predicted = network(radiograph)
        error = (predicted - true).abs()
        each = error.square() if phase.points is PointLoss.SQUARED else wing(error, OMEGA, EPSILON)
        parts = {"points": each.mean()}
        if phase.weights.symmetry:
            parts["symmetry"] = phase.weights.symmetry * perfect_symmetry(predicted)
        if phase.weights.distances:
            parts["distances"] = phase.weights.distances * _lengths_differ(predicted, true)
        return parts

    @torch.inference_mode()
    def errors(self, network: nn.Module, split: str) -> SplitErrors:
        """Return the errors of a network in evaluation mode on ``val`` or ``test``."""
        samples = self._held_out[split]
        if not len(samples):
            return SplitErrors(np.empty(0), None)
        radiographs = torch.from_numpy(samples.images).to(self._device)
        predicted = finite(
            torch.cat([network(part) for part in torch.split(radiographs, _EVALUATION_BATCH)])
        )
        offset = (predicted.cpu().numpy() - _unit_points(samples)) * SIDE_PX
        distance = np.linalg.norm(offset * samples.scale[:, None, None], axis=2)
        return SplitErrors(distance.mean(axis=1).astype(np.float64), None)


def perfect_symmetry(points: Tensor) -> Tensor:
    """Return the mean distance of the pairs' middles from a vertical mid-line.

    Fault of the original: natural asymmetry is penalised.
    """
    middle = points[:, list(MIDLINE), 0].mean(dim=1, keepdim=True)
    left = points[:, [pair[0] for pair in LATERAL_PAIRS]]
    right = points[:, [pair[1] for pair in LATERAL_PAIRS]]
    across = ((left[..., 0] + right[..., 0]) / 2 - middle).abs()
    return (across + (left[..., 1] - right[..., 1]).abs()).mean()


def _lengths_differ(predicted: Tensor, true: Tensor) -> Tensor:
    first, second = ([pair[i] for pair in DISTANCE_PAIRS] for i in (0, 1))
    of_predicted = torch.linalg.vector_norm(predicted[:, first] - predicted[:, second], dim=2)
    of_true = torch.linalg.vector_norm(true[:, first] - true[:, second], dim=2)
    return functional.l1_loss(of_predicted, of_true)


def _unit_points(samples: Samples) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return (N, 15, 2) points, 0 and 1 at the outer edges of the square."""
    points = samples.points[:, list(ANATOMICAL)]
    return ((points + 0.5) / SIDE_PX).astype(np.float32)


def original_recipe(plan: Plan, data: Path, device: torch.device) -> Recipe:
    """Return the recipe on radiographs with landmarks, 224 px. Raises DataMissing."""
    samples = training_samples(data, SIDE_PX)
    known = samples.where(samples.has_landmarks())
    train = known.split("train")
    if not len(train):
        raise DataMissing.because(f"no radiograph with landmarks to train on in {data}")
    held_out = {split: known.split(split) for split in ("val", "test")}
    return OriginalRecipe(train, held_out, plan, device)
