"""The start of a run: samples, points of teachers, and initial weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork
from network.pretraining import start_from_imagenet
from network.weights import read_network
from training.errors import DataMissing
from training.fit.recipe import LandmarkRecipe, Recipe
from training.fit.teachers import fill_from_teachers
from training.plan import Plan
from training.samples import TRAINING_SIDE_PX, training_samples


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a network.

    ``weights``: before the first phase, None for random ones; ``description``: text for its
    card.
    """

    weights: Mapping[str, torch.Tensor] | None
    description: str


def prepare_recipe(
    plan: Plan,
    data: Path,
    device: torch.device,
    *,
    start: Path | None = None,
    teachers: Sequence[Path] = (),
) -> tuple[Recipe, Origin]:
    """Return the recipe and the initial weights. Raises DataMissing, WeightsMismatch."""
    if plan.original:
        from training.fit.original import original_recipe  # noqa: PLC0415 - only for comparisons

        return original_recipe(plan, data, device), Origin(None, "none: trained from scratch")
    train = training_samples(data, TRAINING_SIDE_PX).split("train")
    if not len(train):
        raise DataMissing.because(f"no radiograph of the training split in {data}")
    everything = training_samples(data, INPUT_SIDE_PX)
    if teachers:
        networks = [read_network(path).to(device) for path in teachers]
        train = fill_from_teachers(train, networks, device, plan.teacher_share)
    held_out = {split: everything.split(split) for split in ("val", "test")}
    return LandmarkRecipe(train, held_out, plan, device), _origin(start)


def _origin(start: Path | None) -> Origin:
    if start is not None:
        return Origin(read_network(start).state_dict(), f"the weights of {start.name}")
    network = LandmarkNetwork()
    description = start_from_imagenet(network)
    # Without ImageNet weights the first phase initialises from its seed.
    return Origin(network.state_dict() if description.startswith("ImageNet") else None, description)
