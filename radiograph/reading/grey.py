"""Stored values into grey levels: black is air, whatever the file calls black.

The order is the Standard's (PS3.4 N.2): modality, values of interest, presentation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from radiograph.errors import UniformPixels
from radiograph.reading.dicom_layout import Layout
from radiograph.reading.elements import text, whole_number
from radiograph.reading.lut import Mapping, modality, voi

Stored = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

#: Statistics look at every eighth pixel of every eighth row: 80,000 of a 5 megapixel film.
_STEP = 8
_PERCENTILES = (0.5, 99.5)
#: A window that shows less of the film than this was meant for another one.
_LEAST_SHOWN = 0.01
_FULL = 65535


def monochrome(stored: Stored, dataset: Dataset, layout: Layout) -> Grey:
    """Return grey levels of ``stored`` (rows, columns): uint8 for plain 8 bits, else uint16.

    Raises UniformPixels.
    """
    low, high = int(stored.min()), int(stored.max())
    padding = _padding(dataset, layout)
    sample = _sample(stored, padding)
    # PS3.3 C.7.6.3.1.2 and C.11.6.1.2: both say the same thing, that low values are bright.
    inverse = layout.photometric == "MONOCHROME1" or text(dataset, "PresentationLUTShape") == (
        "INVERSE"
    )
    to_modality, to_shown = modality(dataset), voi(dataset)
    plain = to_modality is None and to_shown is None
    if plain and layout.bits_stored == 8 and low >= 0 and high <= 255:
        shades = np.arange(255, -1, -1) if inverse else np.arange(256)
        return _applied(shades.astype(np.uint8), stored, 0, padding)
    shown = _shown(sample, to_modality, to_shown)

    def levels(values: Stored) -> npt.NDArray[np.uint16]:
        fractions = shown(values.astype(np.float64))
        if inverse:
            fractions = 1.0 - fractions
        return np.rint(fractions * _FULL).astype(np.uint16)

    if high - low <= _FULL:
        return _applied(levels(np.arange(low, high + 1)), stored, low, padding)
    result = levels(stored)
    if padding is not None:
        result[(stored >= padding[0]) & (stored <= padding[1])] = 0
    return result


def _applied(shades: Grey, stored: Stored, low: int, padding: tuple[int, int] | None) -> Grey:
    """Look every stored value up in ``shades``, whose first entry stands for ``low``."""
    if padding is not None:
        # Padding is no anatomy, so it is as black as air (PS3.3 C.7.5.1.1.2).
        shades = shades.copy()
        first, last = (max(edge - low, 0) for edge in (padding[0], padding[1] + 1))
        shades[first:last] = 0
    index = stored if low == 0 and stored.dtype.kind == "u" else stored.astype(np.int64) - low
    return np.asarray(shades[index])


def _shown(sample: Stored, to_modality: Mapping | None, to_shown: Mapping | None) -> Mapping:
    """Return the way from stored values to 0..1, by the file's window or by statistics."""
    mapped = sample.astype(np.float64)
    if to_modality is not None:
        mapped = to_modality(mapped)
    if to_shown is not None:
        seen = to_shown(mapped)
        inside = (seen > seen.min()) & (seen < seen.max()) if seen.size else seen
        if np.mean(inside) < _LEAST_SHOWN:
            to_shown = None
    final = to_shown or _statistical(mapped)
    if to_modality is None:
        return final
    first = to_modality
    return lambda values: final(first(values))


def _statistical(values: npt.NDArray[np.float64]) -> Mapping:
    """Return a window by the film's own values; burnt-in labels do not set it."""
    low, high = np.percentile(values, _PERCENTILES)
    if high <= low:
        low, high = values.min(), values.max()
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return lambda x: np.clip((x - low) / (high - low), 0.0, 1.0)


def _padding(dataset: Dataset, layout: Layout) -> tuple[int, int] | None:
    """Return the stored values, both inclusive, that are no image (PS3.3 C.7.5.1.1.2)."""
    edges = [
        value
        for value in (
            whole_number(dataset, "PixelPaddingValue"),
            whole_number(dataset, "PixelPaddingRangeLimit"),
        )
        if value is not None
    ]
    if whole_number(dataset, "PixelPaddingValue") is None:
        return None
    if layout.signed:  # implicit files do not say whether US or SS was written
        edges = [edge - 65536 if edge > 32767 else edge for edge in edges]
    return min(edges), max(edges)


def _sample(stored: Stored, padding: tuple[int, int] | None) -> Stored:
    """Return every eighth pixel that is not padding, all of them if those are none.

    Raises UniformPixels where the whole image is padding.
    """
    for step in (_STEP, 1):
        sample = stored[::step, ::step].ravel()
        if padding is not None:
            sample = sample[(sample < padding[0]) | (sample > padding[1])]
        if sample.size and (step == 1 or sample.min() < sample.max()):
            return sample
    raise UniformPixels(UniformPixels.__doc__)
