"""Conversion of stored values to grey levels in which black is air.

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
from radiograph.records import ReadingNote

Stored = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_Padding = tuple[int, int] | None

#: Statistics use every eighth pixel of every eighth row: 80,000 of a 5 megapixel radiograph.
_STEP = 8
_PERCENTILES = (0.5, 99.5)
#: A window that shows a smaller share of the image than this is ignored as wrong.
_LEAST_SHOWN = 0.01
#: Padding that leaves a smaller share of the image than this is ignored as wrong.
_LEAST_IMAGE = 0.01
_FULL = 65535


def presentation_note(dataset: Dataset, layout: Layout) -> ReadingNote | None:
    """Return how PresentationLUTShape contradicts the photometric interpretation; None if not.

    PS3.3 C.11.6.1.2: INVERSE goes with MONOCHROME1, IDENTITY with MONOCHROME2.
    """
    shape = text(dataset, "PresentationLUTShape")
    if layout.photometric == "MONOCHROME2" and shape == "INVERSE":
        return ReadingNote.INVERSE_CONTRADICTS_PHOTOMETRIC
    if layout.photometric == "MONOCHROME1" and shape == "IDENTITY":
        return ReadingNote.IDENTITY_CONTRADICTS_PHOTOMETRIC
    return None


def monochrome(
    stored: Stored, dataset: Dataset, layout: Layout, step: int = 1, *, negative: bool = False
) -> Grey:
    """Return grey levels of ``stored`` (rows, columns): uint8 for 8 bits without LUTs, else uint16.

    ``step``: pixels of the file per value along each axis, above 1 at reduced size.
    ``negative``: invert the meaning of the photometric interpretation.
    Raises UniformPixels.
    """
    low, high = int(stored.min()), int(stored.max())
    if low == high:
        raise UniformPixels
    sample, padding = _sample(stored, _padding(dataset, layout), max(1, _STEP // step))
    inverse = (layout.photometric == "MONOCHROME1") != negative  # PS3.3 C.7.6.3.1.2
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


def _applied(shades: Grey, stored: Stored, low: int, padding: _Padding) -> Grey:
    """Return ``shades`` for every stored value; its first entry is for the value ``low``."""
    if padding is not None:
        # Padding is not anatomy, so it is black like air (PS3.3 C.7.5.1.1.2).
        shades = shades.copy()
        first, last = (max(edge - low, 0) for edge in (padding[0], padding[1] + 1))
        shades[first:last] = 0
    index = stored if low == 0 and stored.dtype.kind == "u" else stored.astype(np.int64) - low
    grey: Grey = shades[index]
    return grey


def _shown(sample: Stored, to_modality: Mapping | None, to_shown: Mapping | None) -> Mapping:
    """Return the function from stored values to 0..1, by the file's window or by statistics."""
    mapped = sample.astype(np.float64)
    if to_modality is not None:
        rescaled = to_modality(mapped)
        # After a slope like 1e308 nothing is left; ignore it and the window in its units.
        if np.isfinite(rescaled).all() and np.ptp(rescaled) > 0:
            mapped = rescaled
        else:
            to_modality = to_shown = None
    if to_shown is not None:
        seen = to_shown(mapped)
        # Ignore a window that clips nearly everything, or is far wider than the values.
        inside = np.mean((seen > seen.min()) & (seen < seen.max()))
        if inside < _LEAST_SHOWN or seen.max() - seen.min() < _LEAST_SHOWN:
            to_shown = None
    final = to_shown or _statistical(mapped)
    if to_modality is None:
        return final
    first = to_modality
    return lambda values: final(first(values))


def _statistical(values: npt.NDArray[np.float64]) -> Mapping:
    """Return a window by percentiles of the values, which ignore burnt-in labels."""
    low, high = np.percentile(values, _PERCENTILES)
    if high <= low:
        low, high = values.min(), values.max()
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return lambda x: np.clip((x - low) / (high - low), 0.0, 1.0)


def _padding(dataset: Dataset, layout: Layout) -> _Padding:
    """Return the range of padding values, both ends inclusive (PS3.3 C.7.5.1.1.2)."""
    value = whole_number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = whole_number(dataset, "PixelPaddingRangeLimit")
    # US with signed pixels or SS with unsigned ones: only the stored bits count.
    span = 1 << layout.bits_stored
    edges = [edge % span for edge in (value, value if limit is None else limit)]
    if layout.signed:
        edges = [edge - span if edge >= span // 2 else edge for edge in edges]
    return min(edges), max(edges)


def _sample(stored: Stored, padding: _Padding, every: int) -> tuple[Stored, _Padding]:
    """Return a sample of the pixels without padding, and the padding if plausible."""
    sample = stored[::every, ::every].ravel()
    if sample.min() == sample.max():  # uniform sample: use all pixels
        sample = stored.ravel()
    if padding is None:
        return sample, None
    image = sample[(sample < padding[0]) | (sample > padding[1])]
    if image.size < _LEAST_IMAGE * sample.size:
        return sample, None
    return image, padding
