"""Objects that thoraq made and that come back, of which none is measured.

A drawing on a chest is still a chest to the network. An archive may change any one of the marks:
UIDs where it takes identities out, and private elements, which many drop.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from radiograph.marks import CREATOR, MANUFACTURER, is_marked
from radiograph.reading.elements import text


def is_own(dataset: Dataset) -> bool:
    """Tell whether thoraq made this object, by any one of its marks."""
    if (text(dataset, "Manufacturer") or "").casefold() == MANUFACTURER:
        return True
    if is_marked(text(dataset, "SOPInstanceUID") or ""):
        return True
    tags = dataset.keys()
    return any(each.is_private_creator and _private(dataset, each) == CREATOR for each in tags)


def _private(dataset: Dataset, tag: BaseTag) -> str:
    """Return the text of a private element; what cannot be read is nobody's mark."""
    try:
        value = dataset[tag].value
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a broken element costs itself, whatever breaks in it
        return ""
    written = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return written.strip(" \0")
