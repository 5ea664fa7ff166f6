"""Elements of a data set as hospitals fill them: absent, empty, multi-valued, of any type."""

from __future__ import annotations

import math
import re
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

#: No count of the Standard is larger; VRs for text hold any number, and databases refuse those.
_LARGEST = 2**31 - 1
#: Neither databases nor terminals take control characters, which old archives hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def values(dataset: Dataset, keyword: str) -> list[Any]:
    """Return the values of one element; what pydicom cannot read is absent."""
    try:
        value = dataset.get(keyword)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a broken element costs itself, whatever breaks in it
        return []
    if value is None:
        return []
    return list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return every value as text without padding or control characters; empty ones stay."""
    return [_CONTROL.sub("", str(value)).strip() for value in values(dataset, keyword)]


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return the first value that is not empty."""
    return next(filter(None, texts(dataset, keyword)), None)


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values if all are finite numbers, else none."""
    found = []
    for value in values(dataset, keyword):
        try:
            found.append(float(value))
        except (TypeError, ValueError, OverflowError):
            return []
    return found if all(math.isfinite(number) for number in found) else []


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    """Return the first value as a whole number; one beyond 32 bits with a sign is absent."""
    found = numbers(dataset, keyword)
    if not found or abs(found[0]) > _LARGEST or found[0] != int(found[0]):
        return None
    return int(found[0])


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    sequences = [value for value in values(dataset, keyword) if isinstance(value, Sequence)]
    return [item for sequence in sequences for item in sequence]
