"""Device batches are reduced to fit the device's memory."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from network.card import shipped_card
from network.errors import DeviceMemoryExhausted
from network.prediction import Prediction, PreparedInput
from network.runtime import Runtime
from scheduler.settings import Settings
from worker.device_batch import device_batch_for, measured_device_batch
from worker.errors import DeviceFailed, ModelUnavailable
from worker.loaded_network import LoadedNetwork, open_network


class SmallDevice:
    """A device with limited memory: torch runs out of memory only on an accelerator."""

    device_name = "small"
    runtime = Runtime.TORCH
    precision = "fp32"

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.batches: list[int] = []

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict, or run out of memory."""
        if len(pixels) > self.holds:
            raise DeviceMemoryExhausted("too many")
        self.batches.append(len(pixels))
        return [
            Prediction(np.full((19, 2), float(each[0, 0])), np.ones(19), 1.0) for each in pixels
        ]


def squares(count: int) -> list[PreparedInput]:
    return [PreparedInput(np.full((4, 4), each, np.uint8), np.eye(2, 3)) for each in range(count)]


def test_predictions_come_in_order_in_batches() -> None:
    small = SmallDevice(holds=100)
    predictions = LoadedNetwork(small, device_batch=4).predict(squares(10))
    assert [each.points[0, 0] for each in predictions] == list(range(10))
    assert small.batches == [4, 4, 2]


def test_a_batch_that_does_not_fit_is_halved_and_stays_small() -> None:
    small = SmallDevice(holds=3)
    loaded = LoadedNetwork(small, device_batch=16)
    predictions = loaded.predict(squares(10))
    assert [each.points[0, 0] for each in predictions] == list(range(10))
    assert loaded.device_batch == 2
    loaded.predict(squares(4))
    assert max(small.batches) <= 3


def test_a_device_too_small_for_one_image_fails() -> None:
    with pytest.raises(DeviceFailed):
        LoadedNetwork(SmallDevice(holds=0), device_batch=4).predict(squares(2))


class SlowStart(SmallDevice):
    """A device on which every call takes the same time for up to ``wide`` radiographs."""

    def __init__(self, holds: int, wide: int) -> None:
        super().__init__(holds)
        self.wide = wide

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict, in steps of ``wide`` radiographs."""
        time.sleep(0.01 * -(-len(pixels) // self.wide))
        return super().predict(pixels)


@pytest.mark.parametrize(
    ("holds", "wide", "most", "best"),
    [
        (1000, 32, 256, 32),
        (20, 32, 256, 16),
        (1000, 1000, 64, 64),
        (1000, 1, 256, 8),
        (4, 8, 64, 4),  # other processes use most of its memory
        (3, 8, 64, 2),
        (0, 8, 64, 1),
    ],
)
def test_a_batch_grows_while_that_is_faster_and_fits(
    holds: int, wide: int, most: int, best: int
) -> None:
    assert measured_device_batch(SlowStart(holds, wide), most) == best
    assert device_batch_for(SlowStart(holds, wide), "cuda:0", None, most) == best
    assert device_batch_for(SlowStart(holds, wide), "cuda:0", 5, most) == 5


def test_a_device_error_while_finding_the_batch_size_is_reported() -> None:
    class Broken(SmallDevice):
        def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
            raise RuntimeError(f"an illegal access with {len(pixels)}")

    with pytest.raises(DeviceFailed):
        measured_device_batch(Broken(1), 64)


def test_missing_weights_are_reported(tmp_path: Path) -> None:
    card = replace(shipped_card(), weights_path=tmp_path / "none.safetensors")
    with pytest.raises(ModelUnavailable, match=r"none\.safetensors"):
        open_network(card, "cpu", Settings(state=tmp_path))
