"""The chest of every encoding, and the comparison of a reading with it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from radiograph.phantom.anatomy import draw_anatomy
from radiograph.phantom.projection import project

Values = npt.NDArray[Any]

ROWS, COLUMNS = 96, 80
#: Only values between these percentiles are compared: windows may clip the others.
_PERCENTILES = (3, 97)


@functools.cache
def chest() -> npt.NDArray[np.uint16]:
    """Return the chest, upright, black is air, over the full range of 16 bits."""
    rng = np.random.default_rng(11)
    picture = project(draw_anatomy(rng), ROWS, COLUMNS, rng).astype(np.float64)
    low, high = picture.min(), picture.max()
    return np.rint((picture - low) * (65535 / (high - low))).astype(np.uint16)


def shades(bits: int, *, inverse: bool = False) -> npt.NDArray[np.int64]:
    """Return the chest as unsigned integers of ``bits`` bits."""
    top = (1 << bits) - 1
    values = np.rint(chest().astype(np.float64) * (top / 65535)).astype(np.int64)
    return top - values if inverse else values


def differs(read: Values) -> tuple[float, float]:
    """Return mean and maximum difference of a reading from the chest, relative to the range."""
    if read.shape != chest().shape:
        return 1.0, 1.0
    difference = np.abs(_normal(read) - _normal(chest()))
    return float(difference.mean()), float(difference.max())


def _normal(values: Values) -> npt.NDArray[np.float64]:
    low, high = np.percentile(values, _PERCENTILES)
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)
