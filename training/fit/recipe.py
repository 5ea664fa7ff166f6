"""Recipes: the network that phases fit, with its batches, loss and errors.

Loop and checkpoints are common to thoraq's network and that of the original work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from network.landmark_network import LandmarkNetwork
from training.errors import TrainingDiverged
from training.fit.batches import Batch, BatchSource, held_out_batch
from training.fit.landmark_pairs import asymmetry
from training.fit.objective import cardiothoracic_index, landmark_error_px224, loss_parts
from training.plan import Phase, Plan
from training.samples import Samples

_EVALUATION_BATCH = 64
#: Share of annotated pairs whose asymmetry is regarded as natural.
_NATURAL_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class SplitErrors:
    """Errors of a network on a split of the samples.

    ``cases``: mean landmark error of each radiograph, px of a 224 frame, NaN without truth;
    ``ict_error``: mean absolute error of the index, None without callipers.
    """

    cases: npt.NDArray[np.float64]
    ict_error: float | None

    @property
    def error_px224(self) -> float:
        """Return the mean over the radiographs with landmarks; 0 without any."""
        known = self.cases[np.isfinite(self.cases)]
        return float(known.mean()) if len(known) else 0.0

    @property
    def score(self) -> float:
        """Return the selection score of a phase: px of a 224 frame plus the scaled ICT error."""
        return self.error_px224 + 40.0 * (self.ict_error or 0.0)


class Batches(Protocol):
    """Endless batches, whose order can be saved and restored."""

    def draw(self) -> Any:
        """Return the next batch."""

    def state(self) -> dict[str, Any]:
        """Return the state besides the generators that the next batches depend on."""

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from ``state``."""


class Recipe(Protocol):
    """A network and everything a phase needs to fit it."""

    epoch_steps: float

    def network(self, phase: Phase) -> nn.Module:
        """Return the untrained network of a phase."""

    def trunk(self, network: nn.Module) -> list[nn.Module]:
        """Return the modules that learn at the trunk's rate."""

    def batches(self) -> Batches:
        """Return the training batches."""

    def loss_parts(self, network: nn.Module, batch: Any, phase: Phase) -> dict[str, Tensor]:
        """Return the weighted parts whose sum is minimised."""

    def errors(self, network: nn.Module, split: str) -> SplitErrors:
        """Return the errors of a network in evaluation mode on ``val`` or ``test``.

        Raises TrainingDiverged.
        """


def finite(points: Tensor) -> Tensor:
    """Return ``points``. Raises TrainingDiverged if one is not finite."""
    if not torch.isfinite(points).all():
        raise TrainingDiverged
    return points


class LandmarkRecipe:
    """The landmark network on samples; ``held_out``: by split, at the network's side."""

    def __init__(
        self, train: Samples, held_out: dict[str, Samples], plan: Plan, device: torch.device
    ) -> None:
        self._plan = plan
        self._device = device
        self._source = BatchSource(train, plan, device)
        self._held_out = {
            split: held_out_batch(samples, device) for split, samples in held_out.items()
        }
        self._natural_px224 = natural_asymmetry_px224(train)
        radiographs = max(1, int(train.has_landmarks().sum()))
        self.epoch_steps = max(1.0, radiographs / plan.landmark_batch)

    def network(self, phase: Phase) -> nn.Module:
        """Return the untrained network of a phase."""
        return LandmarkNetwork(attention=phase.attention)

    def trunk(self, network: nn.Module) -> list[nn.Module]:
        """Return the modules that learn at the trunk's rate."""
        return [network.get_submodule("stem"), network.get_submodule("stages")]

    def batches(self) -> Batches:
        """Return the training batches."""
        return self._source

    def loss_parts(self, network: nn.Module, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Return the weighted parts whose sum is minimised."""
        mixed = self._device.type == "cuda"
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=mixed):
            output = network(batch.grey)
        return loss_parts(output, batch.target, phase.weights, phase.points, self._natural_px224)

    @torch.inference_mode()
    def errors(self, network: nn.Module, split: str) -> SplitErrors:
        """Return the errors of a network in evaluation mode on ``val`` or ``test``."""
        batch = self._held_out[split]
        if not len(batch.grey):
            return SplitErrors(np.empty(0), None)
        parts = [network(part).points for part in torch.split(batch.grey, _EVALUATION_BATCH)]
        points = finite(torch.cat(parts))
        cases = landmark_error_px224(points, batch.target).double().cpu().numpy()
        ict = cardiothoracic_index(points) - cardiothoracic_index(batch.target.points)
        errors = ict.abs().double().cpu().numpy()
        known = errors[np.isfinite(errors)]
        return SplitErrors(cases, float(known.mean()) if len(known) else None)


def natural_asymmetry_px224(samples: Samples) -> float:
    """Return the 95th percentile of the asymmetry of annotated pairs, px of a 224 frame."""
    known = samples.where(samples.has_landmarks())
    if not len(known):
        return 0.0
    points = torch.from_numpy(known.points * known.scale[:, None, None]).nan_to_num()
    return float(torch.quantile(asymmetry(points), _NATURAL_SHARE))
