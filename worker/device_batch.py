"""How many films a device predicts best together."""

from __future__ import annotations

import time

import numpy as np
import structlog

from network.errors import DeviceMemoryExhausted
from network.input import INPUT_SIDE_PX
from network.prediction import Predicts
from worker.errors import DeviceFailed

_log = structlog.stdlib.get_logger(__name__)

#: On a core more films only leave its cache: 8 to 64 differ by 5 %, which is not worth a start.
CPU_DEVICE_BATCH = 16
_FIRST = 8
_TURNS = 3
#: Twice the films must be worth the memory they take.
_WORTH = 1.05


def device_batch_for(predictor: Predicts, device: str, asked: int | None, most: int) -> int:
    """Return the batch that was asked for, or that is best on ``device``, up to ``most`` films.

    Raises DeviceFailed.
    """
    if asked is not None:
        return asked
    return CPU_DEVICE_BATCH if device == "cpu" else measured_device_batch(predictor, most)


def measured_device_batch(predictor: Predicts, most: int) -> int:
    """Double a batch while that is faster and fits the device's memory. Raises DeviceFailed."""
    best, best_rate = 1, 0.0
    size = min(_FIRST, most)
    while size <= most:
        try:
            rate = size / _seconds(predictor, size)
        except DeviceMemoryExhausted:
            if best_rate or size == 1:
                break
            most = size = size // 2  # others fill the device: what still fits, no more
            continue
        except RuntimeError as exc:  # what torch raises for a device that fails
            raise DeviceFailed.because(type(exc).__name__) from exc
        if rate < _WORTH * best_rate:
            break
        best, best_rate = size, rate
        size *= 2
    _log.info("device batch", films=best, films_per_second=round(best_rate, 1))
    return best


def _seconds(predictor: Predicts, size: int) -> float:
    """Time one batch. Raises DeviceMemoryExhausted."""
    films = np.zeros((size, INPUT_SIDE_PX, INPUT_SIDE_PX), np.uint8)
    predictor.predict(films)  # what is allocated or compiled on first use
    times = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        predictor.predict(films)
        times.append(time.perf_counter() - began)
    return min(times)
