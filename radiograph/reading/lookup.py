"""Look-up tables of a DICOM header: modality, values of interest, palette (PS3.3, C.11.1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from radiograph.errors import BrokenHeader
from radiograph.reading.elements import FAULTS, items, numbers

Floats = npt.NDArray[np.float64]

_LUMINANCE = np.array([0.299, 0.587, 0.114])


def look_up(
    dataset: Dataset, sequence: str, inputs: Floats, *, little_endian: bool
) -> Floats | None:
    """Send ``inputs`` through the first table of a sequence; None where there is none to use."""
    for item in items(dataset, sequence):
        try:
            return _look_up(item, inputs, little_endian=little_endian)
        except FAULTS:
            continue  # a broken table is no table: the window or the range takes its place
    return None


def _look_up(item: Dataset, inputs: Floats, *, little_endian: bool) -> Floats:
    count, first, bits = (int(each) for each in numbers(item, "LUTDescriptor"))
    count = count or 65536
    if first >= 32768 and inputs.min() < 0:  # written as unsigned beside signed pixels
        first -= 65536
    entries = _entries(item, count, bits, little_endian=little_endian)
    index = np.clip(np.rint(inputs) - first, 0, count - 1).astype(np.intp)
    return entries[index].astype(np.float64)


def _entries(
    item: Dataset, count: int, bits: int, *, little_endian: bool
) -> npt.NDArray[np.integer]:
    data = item["LUTData"].value
    order = "<u2" if little_endian else ">u2"
    if not isinstance(data, bytes):
        words = [int(each) & 0xFFFF for each in (data if hasattr(data, "__iter__") else [data])]
        data = np.array(words, order).tobytes()
    # Tables of 8 bits may come two entries a word.
    packed = bits <= 8 and len(data) < 2 * count
    entries = np.frombuffer(data, np.uint8 if packed else order)[:count]
    if len(entries) < count:
        raise ValueError("a table shorter than its descriptor says")
    return entries


def palette_levels(dataset: Dataset, codes: npt.NDArray[np.uint16]) -> Floats:
    """Return the luminance, 0 to 1, of each code of a palette. Raises BrokenHeader."""
    try:
        colours = apply_color_lut(codes, dataset)
    except FAULTS as exc:
        raise BrokenHeader.because("the palette cannot be read") from exc
    top = float(np.iinfo(colours.dtype).max)
    return np.asarray(colours[..., :3].astype(np.float64) @ _LUMINANCE / top)
