"""Tolerant access to the elements of a data set: absent, empty, multi-valued, of any type."""

from __future__ import annotations

import math
import re
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

#: No count in the Standard is larger; text VRs can have any number, which databases reject.
_LARGEST = 2**31 - 1
#: Control characters occur in old archives; databases reject them and terminals execute them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def values(dataset: Dataset, keyword: str) -> list[Any]:
    """Return the values of one element; none if pydicom cannot read it."""
    try:
        value = dataset.get(keyword)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a broken element is absent, whatever pydicom raises
        return []
    if value is None:
        return []
    return list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return every value as text without padding or control characters; empty ones included."""
    return [_CONTROL.sub("", str(value)).strip() for value in values(dataset, keyword)]


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return the first value that is not empty."""
    return next(filter(None, texts(dataset, keyword)), None)


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values if all are finite numbers, else an empty list."""
    found = []
    for value in values(dataset, keyword):
        try:
            found.append(float(value))
        except (TypeError, ValueError, OverflowError):
            return []
    return found if all(math.isfinite(number) for number in found) else []


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    """Return the first value as an integer; None if absent or beyond a signed 32-bit integer."""
    found = numbers(dataset, keyword)
    if not found or abs(found[0]) > _LARGEST or found[0] != int(found[0]):
        return None
    return int(found[0])


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    sequences = [value for value in values(dataset, keyword) if isinstance(value, Sequence)]
    return [item for sequence in sequences for item in sequence]
