"""Weights on disk: safetensors only, in half precision, written atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file

from network.card import ModelCard, verified_weights
from network.errors import WeightsMismatch
from network.landmark_network import LandmarkNetwork


def load_network(card: ModelCard) -> LandmarkNetwork:
    """Return the card's network in float32 on the CPU, in evaluation mode.

    Raises WeightsMissing, WeightsMismatch.
    """
    name = card.weights_path.name
    try:
        stored = load(verified_weights(card))
    except SafetensorError as exc:
        raise WeightsMismatch.about(name) from exc
    return _built(stored, name)


def read_network(path: Path) -> LandmarkNetwork:
    """Return the network of a weights file without a card. Raises WeightsMismatch."""
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
    """Write the weights atomically in float16: half the size; points differ by 0.01 px."""
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
    partial.chmod(0o644)  # safetensors writes with mode 0600; a wheel is for all users
    partial.replace(path)
