"""Look-up tables and windows of a data set, as functions on arrays of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from radiograph.reading.elements import items, numbers, text, values

Values = npt.NDArray[np.float64]
Mapping = Callable[[Values], Values]

#: Number of 16-bit values.
_WORDS = 1 << 16


def modality(dataset: Dataset) -> Mapping | None:
    """Return the modality transformation (PS3.3 C.11.1); None if absent."""
    for item in items(dataset, "ModalityLUTSequence"):
        if (table := _table(item, _order(dataset))) is not None:
            return table
    slopes, intercepts = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    slope = slopes[0] if slopes and slopes[0] else 1.0
    intercept = intercepts[0] if intercepts else 0.0
    if (slope, intercept) == (1.0, 0.0):
        return None
    return lambda stored: stored * slope + intercept


def voi(dataset: Dataset) -> Mapping | None:
    """Return the first value-of-interest transformation to 0..1 (PS3.3 C.11.2); None if absent.

    A table takes precedence over a window; of several, the first is the default.
    """
    for item in items(dataset, "VOILUTSequence"):
        if (table := _table(item, _order(dataset))) is not None:
            return _scaled(table, item, _order(dataset))
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    function = (text(dataset, "VOILUTFunction") or "LINEAR").upper()
    for center, width in zip(centers, widths, strict=False):
        if width > 0:
            return window(center, width, function)
    return None


def window(center: float, width: float, function: str) -> Mapping:
    """Return a window's function to 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        return lambda x: 1.0 / (1.0 + np.exp(np.clip(-4.0 * (x - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return lambda x: np.clip((x - center) / width + 0.5, 0.0, 1.0)
    # In LINEAR a width of 1 is a threshold.
    span = max(width - 1.0, 1e-6)
    return lambda x: np.clip((x - (center - 0.5)) / span + 0.5, 0.0, 1.0)


def _order(dataset: Dataset) -> str:
    """Return the dtype of table entries stored as bytes."""
    return ">u2" if dataset.original_encoding[1] is False else "<u2"


def _scaled(table: Mapping, item: Dataset, order: str) -> Mapping | None:
    """Return the table scaled to 0..1 by its entries, since its declared bits are often wrong."""
    entries = _entries(item, order)
    if entries is None or entries.min() == entries.max():
        return None
    low, span = float(entries.min()), float(entries.max() - entries.min())
    return lambda x: (table(x) - low) / span


def _table(item: Dataset, order: str) -> Mapping | None:
    """Return the function of a LUT item (PS3.3 C.11.1.1), constant beyond its ends."""
    entries, descriptor = _entries(item, order), numbers(item, "LUTDescriptor")
    if entries is None:
        return None
    first = descriptor[1]

    def look_up(x: Values) -> Values:
        start = _start(first, len(entries), x) if x.size else first
        return entries[np.clip(np.rint(x - start), 0, len(entries) - 1).astype(np.intp)]

    return look_up


def _start(first: float, count: int, x: Values) -> float:
    """Return the first mapped value, correcting a wrong VR (US for SS or the reverse).

    Both VRs have the same 16 bits (PS3.3 C.11.1.1). Of the two possible numbers, return the one
    with which the table covers more of the values; if equal, the number as written.
    """
    low, high = float(x.min()), float(x.max())

    def covered(start: float) -> float:
        return max(min(high, start + count - 1) - max(low, start) + 1, 0.0)

    other = first - _WORDS if first > _WORDS / 2 - 1 else first + _WORDS if first < 0 else first
    return max((first, other), key=covered)


def _entries(item: Dataset, order: str) -> Values | None:
    """Return the output values, which are unsigned whatever their VR (PS3.3 C.11.1.1.1)."""
    descriptor = numbers(item, "LUTDescriptor")
    data: list[Any] = values(item, "LUTData")
    if len(descriptor) != 3 or not data:
        return None
    count = int(descriptor[0]) % _WORDS or _WORDS  # 65536 is stored as 0
    if isinstance(data[0], bytes):
        entries = _from_bytes(data[0], count, order)
    else:
        entries = np.array(numbers(item, "LUTData")) % _WORDS
    return entries[:count].astype(np.float64) if len(entries) >= count else None


def _from_bytes(data: bytes, count: int, order: str) -> npt.NDArray[Any]:
    """Return the entries of VR OW: words, or bytes packed two per word, the lower one first."""
    words = np.frombuffer(data[: len(data) // 2 * 2], order)
    return words if len(data) >= 2 * count else words.astype("<u2").view(np.uint8)
