"""The best number of radiographs per device batch."""

from __future__ import annotations

import time

import numpy as np
import structlog

from network.errors import DeviceMemoryExhausted
from network.input import INPUT_SIDE_PX
from network.prediction import Predicts
from worker.errors import DeviceFailed

_log = structlog.stdlib.get_logger(__name__)

#: On a CPU core larger batches only exceed its cache: 8 to 64 differ by 5 %, not worth measuring.
CPU_DEVICE_BATCH = 16
_FIRST = 8
_TURNS = 3
#: Least speed-up for which a batch is doubled.
_LEAST_SPEEDUP = 1.05


def device_batch_for(predictor: Predicts, device: str, asked: int | None, most: int) -> int:
    """Return the requested batch size, or the fastest on ``device``, up to ``most``.

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
            most = size = size // 2  # other processes fill the device: the largest that still fits
            continue
        except RuntimeError as exc:  # raised by torch if the device fails
            raise DeviceFailed.because(type(exc).__name__) from exc
        if rate < _LEAST_SPEEDUP * best_rate:
            break
        best, best_rate = size, rate
        size *= 2
    _log.info("device batch", radiographs=best, per_second=round(best_rate, 1))
    return best


def _seconds(predictor: Predicts, size: int) -> float:
    """Return the time for one batch. Raises DeviceMemoryExhausted."""
    inputs = np.zeros((size, INPUT_SIDE_PX, INPUT_SIDE_PX), np.uint8)
    predictor.predict(inputs)  # the first call allocates and compiles
    times = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        predictor.predict(inputs)
        times.append(time.perf_counter() - began)
    return min(times)
