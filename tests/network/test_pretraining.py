"""ImageNet weights are used where present, and their absence is stated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from network.landmark_network import LandmarkNetwork
from network.pretraining import imagenet_file, start_from_imagenet


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Path]:
    before = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path)
    yield tmp_path
    torch.hub.set_dir(before)


@pytest.mark.usefixtures("hub")
def test_without_imagenet_weights_training_starts_from_scratch() -> None:
    network = LandmarkNetwork()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert start_from_imagenet(network).startswith("none")
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


@pytest.mark.usefixtures("hub")
def test_the_trunk_loads_the_weights_of_torchvision() -> None:
    trunk = resnet18(weights=None)
    imagenet_file().parent.mkdir(parents=True)
    torch.save(trunk.state_dict(), imagenet_file())
    network = LandmarkNetwork()
    heads = network.heatmaps.weight.clone()
    assert start_from_imagenet(network).startswith("ImageNet")
    grey = torch.rand(2, 3, 64, 64)
    trunk.eval()
    network.eval()
    expected = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(grey))))
    for layer in (trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4):
        expected = layer(expected)
    features = network.stem(grey)
    for stage in network.stages:
        features = stage(features)
    assert torch.equal(features, expected)
    assert torch.equal(network.heatmaps.weight, heads)


@pytest.mark.usefixtures("hub")
def test_a_file_of_another_network_is_refused() -> None:
    imagenet_file().parent.mkdir(parents=True)
    torch.save({"fc.weight": torch.zeros(1)}, imagenet_file())
    with pytest.raises(ValueError, match="lacks"):
        start_from_imagenet(LandmarkNetwork())
