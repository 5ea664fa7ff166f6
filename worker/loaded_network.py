"""A network on a device: it predicts inputs, in smaller device batches if its memory is short."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import structlog

from network.card import ModelCard
from network.errors import DeviceMemoryExhausted, NetworkError
from network.prediction import Prediction, Predicts, PreparedInput
from network.predictor_choice import load_predictor
from network.runtime import Runtime
from scheduler.errors import KeyUnusable
from scheduler.keys import key_of
from scheduler.settings import Settings
from worker.errors import DeviceFailed, ModelUnavailable

#: More threads would compete with the reading processes and other workers for cores.
_THREADS = 1

_log = structlog.stdlib.get_logger(__name__)


def open_network(card: ModelCard, device: str, settings: Settings) -> Predicts:
    """Load a network onto the device. Raises ModelUnavailable, DeviceFailed."""
    kept: Path | None = settings.converted_folder
    key = b""
    try:
        key = key_of(settings.converted_key, settings.state / "converted.key")
    except KeyUnusable as exc:
        kept = None
        _log.warning("converted networks are not kept", code=exc.code)
    try:
        return load_predictor(
            card,
            device,
            runtime=settings.runtime,
            threads=_THREADS,
            cache=kept,
            key=key,
        )
    except NetworkError as exc:
        if exc.permanent:
            raise ModelUnavailable(str(exc)) from exc
        raise DeviceFailed(str(exc)) from exc


class LoadedNetwork:
    """A network on a device, and the batch size that fits its memory."""

    def __init__(self, predictor: Predicts, device_batch: int) -> None:
        self.name = predictor.device_name
        torch_alone = predictor.runtime is Runtime.TORCH
        self.precision = predictor.precision + ("" if torch_alone else f" ({predictor.runtime})")
        self.device_batch = device_batch
        self._predictor = predictor

    def predict(self, inputs: Sequence[PreparedInput]) -> list[Prediction]:
        """Predict any number of inputs, in order. Raises DeviceFailed."""
        predictions: list[Prediction] = []
        while len(predictions) < len(inputs):
            some = inputs[len(predictions) : len(predictions) + self.device_batch]
            try:
                predictions += self._predictor.predict(np.stack([each.pixels for each in some]))
            except DeviceMemoryExhausted as exc:
                if self.device_batch == 1:
                    raise DeviceFailed(str(exc)) from exc
                self.device_batch = max(1, len(some) // 2)
                _log.warning("device memory is short", device_batch=self.device_batch)
            except RuntimeError as exc:  # what torch raises for a device that fails
                raise DeviceFailed.because(type(exc).__name__) from exc
        return predictions
