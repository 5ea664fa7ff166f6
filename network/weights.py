"""Weights on disk: safetensors only, half precision, whole files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file

from network.card import ModelCard, sound_weights
from network.errors import WeightsMismatch
from network.landmark_network import LandmarkNetwork


def load_network(card: ModelCard) -> LandmarkNetwork:
    """Build the card's network in float32 on the CPU, ready to predict.

    Raises WeightsMissing, WeightsMismatch.
    """
    name = card.weights_path.name
    try:
        stored = load(sound_weights(card))
    except SafetensorError as exc:
        raise WeightsMismatch.about(name) from exc
    return _built(stored, name)


def read_network(path: Path) -> LandmarkNetwork:
    """Build the network from a weights file without a card. Raises WeightsMismatch."""
    try:
        stored = load_file(path)
    except SafetensorError as exc:
        raise WeightsMismatch.about(path.name) from exc
    return _built(stored, path.name)


def _built(stored: Mapping[str, torch.Tensor], name: str) -> LandmarkNetwork:
    try:
        network = LandmarkNetwork(attention=any(each.startswith("attention.") for each in stored))
        network.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in stored.items()}
        )
    except RuntimeError as exc:
        raise WeightsMismatch.about(name) from exc
    return network.eval().to(memory_format=torch.channels_last)


def save_network(network: torch.nn.Module, path: Path) -> None:
    """Write the weights in float16, atomically: half the size, 0.01 px of difference."""
    state = {
        name: (value.detach().cpu().half() if value.is_floating_point() else value.cpu())
        .contiguous()
        .clone()
        for name, value in network.state_dict().items()
    }
    partial = path.with_suffix(".partial")
    save_file(state, partial)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.chmod(0o644)  # safetensors writes for its owner alone; a wheel is for everybody
    partial.replace(path)
