"""The device: batches of squares in, predictions out, smaller batches where memory is short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog

from network.card import ModelCard
from network.errors import DeviceMemoryExhausted, NetworkError
from network.prediction import Prediction, PreparedInput, Runtime
from worker.errors import DeviceFailed, ModelUnavailable

_log = structlog.stdlib.get_logger(__name__)


class Predicts(Protocol):
    """What a device needs of a network; `network.predictor.Predictor` is one."""

    device_name: str
    precision: str
    runtime: Runtime

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict (N, S, S) squares."""


def load_predictor(card: ModelCard, device: str, runtime: Runtime) -> Predicts:
    """Load a network onto the device. Raises ModelUnavailable, DeviceFailed."""
    # The parent of this process imports this module and must not import torch: a device opened
    # before the fork is broken behind it.
    from network.predictor import Predictor  # noqa: PLC0415

    try:
        return Predictor.load(card, device, runtime=runtime)
    except NetworkError as exc:
        if exc.permanent:
            raise ModelUnavailable(str(exc)) from exc
        raise DeviceFailed(str(exc)) from exc


class Device:
    """One network on one device, and the batch size that has proved to fit."""

    def __init__(self, predictor: Predicts, batch: int) -> None:
        self.name = predictor.device_name
        torch_alone = predictor.runtime is Runtime.TORCH
        self.precision = predictor.precision + ("" if torch_alone else f" ({predictor.runtime})")
        self.batch = batch
        self._predictor = predictor

    def predict(self, inputs: Sequence[PreparedInput]) -> list[Prediction]:
        """Predict any number of inputs, in order. Raises DeviceFailed."""
        predictions: list[Prediction] = []
        while len(predictions) < len(inputs):
            some = inputs[len(predictions) : len(predictions) + self.batch]
            try:
                predictions += self._predictor.predict(np.stack([each.pixels for each in some]))
            except DeviceMemoryExhausted as exc:
                if self.batch == 1:
                    raise DeviceFailed(str(exc)) from exc
                self.batch = max(1, len(some) // 2)
                _log.warning("device memory is short", batch=self.batch)
            except RuntimeError as exc:  # what torch raises for a device that fails
                raise DeviceFailed(f"{type(exc).__name__}. {DeviceFailed.__doc__}") from exc
        return predictions
