"""The network: shapes, frames, channels, weights on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from network.card import ModelCard, file_digest, load_card, shipped_card
from network.channels import channels, equalised
from network.errors import CardInvalid, DeviceUnavailable, WeightsMismatch, WeightsMissing
from network.input import INPUT_SIDE_PX
from network.landmark_network import HEATMAP_SIDE, LandmarkNetwork
from network.predictor import TorchPredictor
from network.weights import load_network, save_network
from radiograph.landmarks import MIRROR


@pytest.fixture(scope="module")
def network() -> LandmarkNetwork:
    torch.manual_seed(0)
    return LandmarkNetwork().eval()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(
        0, 256, (3, INPUT_SIDE_PX, INPUT_SIDE_PX), dtype=np.uint8
    )


@pytest.fixture
def card(network: LandmarkNetwork, tmp_path: Path) -> ModelCard:
    save_network(network, tmp_path / "w.safetensors")
    text = {
        "version": "test",
        "architecture": "resnet18-pyramid-heatmap",
        "weights": {"file": "w.safetensors", "sha256": file_digest(tmp_path / "w.safetensors")},
    }
    (tmp_path / "w.json").write_text(json.dumps(text))
    return load_card(tmp_path / "w.json")


def test_equalised_grey_levels_do_not_depend_on_the_exposure_curve() -> None:
    levels = torch.randint(1, 120, (1, 32, 32))
    curve = torch.sort(torch.randperm(255)[:120] + 1).values
    assert torch.allclose(equalised(levels), equalised(curve[levels]))


def test_channels_are_finite_for_black_white_and_uniform_images() -> None:
    images = torch.stack([torch.full((64, 64), v) for v in (0, 127, 255)])
    assert torch.isfinite(channels(images)).all()


def test_a_point_is_the_expectation_of_its_heat_map(network: LandmarkNetwork) -> None:
    logits = torch.full((1, 19, HEATMAP_SIDE, HEATMAP_SIDE), -40.0)
    logits[:, :, 5, 9] = 40.0
    logits[:, :, 5, 10] = 40.0
    scales = torch.zeros(1, 38, HEATMAP_SIDE, HEATMAP_SIDE)
    output = network._read(logits, scales, torch.zeros(1), torch.zeros(1))
    assert torch.allclose(output.points[0, 0], torch.tensor([(9.5 * 4) + 1.5, (5 * 4) + 1.5]))


def test_an_image_gives_the_same_points_alone_and_in_a_batch(
    network: LandmarkNetwork, images: np.ndarray
) -> None:
    predictor = TorchPredictor(network, "cpu")
    together = predictor.predict(images)
    for alone, batched in zip(images, together, strict=True):
        single = predictor.predict(alone[None])[0]
        assert np.allclose(single.points, batched.points, atol=1e-3)
        assert np.allclose(single.spreads, batched.spreads, rtol=1e-3)


def test_with_test_time_flip_a_mirrored_image_gives_mirrored_points(
    network: LandmarkNetwork, images: np.ndarray
) -> None:
    predictor = TorchPredictor(network, "cpu", flip=True)
    plain = predictor.predict(images)
    mirrored = predictor.predict(np.ascontiguousarray(images[:, :, ::-1]))
    for a, b in zip(plain, mirrored, strict=True):
        back = b.points[list(MIRROR)].copy()
        back[:, 0] = INPUT_SIDE_PX - 1 - back[:, 0]
        assert np.allclose(a.points, back, atol=1e-2)
        assert a.flip_disagreement_px is not None


def test_half_precision_on_disk_moves_points_by_under_0_1_px(
    network: LandmarkNetwork, images: np.ndarray, card: ModelCard
) -> None:
    kept = TorchPredictor(network, "cpu").predict(images)
    loaded = TorchPredictor(load_network(card), "cpu").predict(images)
    assert max(np.abs(a.points - b.points).max() for a, b in zip(kept, loaded, strict=True)) < 0.1


def test_changed_weights_are_refused(card: ModelCard) -> None:
    content = bytearray(card.weights_path.read_bytes())
    content[-1] ^= 1
    card.weights_path.write_bytes(content)
    with pytest.raises(WeightsMismatch, match="restore the file"):
        load_network(card)


def test_missing_weights_and_invalid_cards_name_the_remedy(card: ModelCard, tmp_path: Path) -> None:
    card.weights_path.unlink()
    with pytest.raises(WeightsMissing, match="reinstall"):
        load_network(card)
    (tmp_path / "w.json").write_text("{}")
    with pytest.raises(CardInvalid, match="register"):
        load_card(tmp_path / "w.json")


@pytest.mark.parametrize("ranges", [{"stem.0": [1, 1]}, {"stem.0": [0]}, {"stem.0": 3}, [1, 2]])
def test_a_card_with_invalid_ranges_is_refused(card: ModelCard, ranges: object) -> None:
    path = card.weights_path.with_name("odd.json")
    path.write_text(json.dumps({**card.card, "quantization": {"ranges": ranges}}))
    with pytest.raises(CardInvalid, match="register"):
        load_card(path)


def test_a_missing_device_is_named(network: LandmarkNetwork) -> None:
    if torch.cuda.device_count() > 99:
        pytest.skip("this machine has a hundred devices")
    with pytest.raises(DeviceUnavailable, match="doctor"):
        TorchPredictor(network, "cuda:99")


def test_the_shipped_weights_match_their_card() -> None:
    card = shipped_card()
    assert file_digest(card.weights_path) == card.weights_digest
    assert card.card["metrics"]
    assert card.card["data"]
