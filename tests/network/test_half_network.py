"""Accelerators: fp16 against fp32 on real radiographs, and graphs against direct computation.

fp16 is tested on the CPU, whose fp16 has the same eleven bits; graphs need an accelerator.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from network.card import shipped_card
from network.channels import channels
from network.graph_replay import GraphReplay
from network.half_network import HalfNetwork
from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork
from network.predictor_choice import load_predictor
from network.runtime import Runtime
from network.weights import load_network
from tests.network.test_openvino_runtime import DATA, squares
from training.samples import read_samples

ACCELERATED = torch.cuda.is_available()


def moved_px224(images: np.ndarray) -> np.ndarray:
    """Return the movement of each landmark of each radiograph, (N, 19)."""
    network = load_network(shipped_card())
    half = HalfNetwork(network).eval()
    with torch.inference_mode():
        views = channels(torch.from_numpy(images))
        apart = (half(views).points - network.from_views(views).points).norm(dim=2)
    return apart.numpy() * 224 / INPUT_SIDE_PX


@pytest.mark.skipif(not DATA.is_dir(), reason="the annotated radiographs are not on this machine")
def test_half_precision_moves_landmarks_of_real_radiographs_by_under_0_01_px() -> None:
    images = read_samples(DATA, side=INPUT_SIDE_PX).split("test").images[::6]
    moved = moved_px224(images)
    assert 0.0 < moved.mean() < 0.01
    assert moved.max() < 0.1


def test_batch_norms_are_folded_into_convolutions_in_fp16() -> None:
    half = HalfNetwork(load_network(shipped_card()))
    computing = half._halved
    assert not any(isinstance(each, nn.BatchNorm2d) for each in computing.modules())
    assert {p.dtype for p in computing.parameters()} == {torch.float16}
    convolution = computing.get_submodule("stages.0.0.conv1")
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
    # The reference keeps its batch norms.
    assert any(isinstance(each, nn.BatchNorm2d) for each in half._exact.modules())
    assert moved_px224(squares(3)).max() < 0.1


def test_attention_is_folded_too() -> None:
    torch.manual_seed(0)
    network = LandmarkNetwork(attention=True).eval()
    for gate in network.attention:
        nn.init.normal_(gate.rows.weight)  # no longer neutral
    views = channels(torch.from_numpy(squares(2)))
    with torch.inference_mode():
        apart = HalfNetwork(network)(views).points - network.from_views(views).points
    assert apart.abs().max() < 0.1


@pytest.mark.skipif(not ACCELERATED, reason="this machine has no accelerator")
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_an_accelerator_agrees_with_fp32(count: int) -> None:
    images = squares(count)
    exact = load_predictor(shipped_card(), "cuda", runtime=Runtime.TORCH)
    served = load_predictor(shipped_card(), "cuda")
    assert (exact.precision, served.precision) == ("fp32", "fp16")
    for _ in range(2):  # records, then replays
        for one, other in zip(exact.predict(images), served.predict(images), strict=True):
            moved = np.linalg.norm(one.points - other.points, axis=1) * 224 / INPUT_SIDE_PX
            assert moved.mean() < 0.02
            assert one.frontal_probability == pytest.approx(other.frontal_probability, abs=0.02)


@pytest.mark.skipif(not ACCELERATED, reason="this machine has no accelerator")
def test_a_graph_computes_new_values_for_every_batch() -> None:
    device = torch.device("cuda")
    double = GraphReplay(lambda images: (images.double() * 2, images.sum(dim=1)), device)
    with torch.inference_mode():
        for count in (3, 4, 1, 3):
            images = torch.randint(0, 255, (count, 5), dtype=torch.uint8)
            doubled, summed = double(images)
            assert torch.equal(doubled.cpu(), images.double() * 2)
            assert torch.equal(summed.cpu(), images.sum(dim=1))


@pytest.mark.skipif(not ACCELERATED, reason="this machine has no accelerator")
def test_a_batch_that_cannot_be_recorded_is_computed_directly() -> None:
    device = torch.device("cuda")
    # Reading a value synchronises, which is not allowed during capture.
    asking = GraphReplay(lambda images: (images * int(images.max().item()),), device)
    images = torch.arange(4, dtype=torch.int64)[:, None]
    with torch.inference_mode():
        [made] = asking(images)
    assert torch.equal(made.cpu(), images * 3)
