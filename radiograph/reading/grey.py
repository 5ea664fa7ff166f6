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
from radiograph.records import ReadingNote

Stored = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_Padding = tuple[int, int] | None

#: Statistics look at every eighth pixel of every eighth row: 80,000 of a 5 megapixel film.
_STEP = 8
_PERCENTILES = (0.5, 99.5)
#: A window that shows less of the film than this was meant for another one.
_LEAST_SHOWN = 0.01
#: Padding that leaves less of the film than this is a mistake of the header.
_LEAST_FILM = 0.01
_FULL = 65535


def presentation_note(dataset: Dataset, layout: Layout) -> ReadingNote | None:
    """Return how PresentationLUTShape contradicts the photometric interpretation, None if not.

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
    """Return grey levels of ``stored`` (rows, columns): uint8 for plain 8 bits, else uint16.

    ``step``: pixels of the film from one value to the next, more than 1 in a reduced picture.
    ``negative``: low values are bright where the photometric interpretation calls them dark.
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
    """Look every stored value up in ``shades``, whose first entry stands for ``low``."""
    if padding is not None:
        # Padding is no anatomy, so it is as black as air (PS3.3 C.7.5.1.1.2).
        shades = shades.copy()
        first, last = (max(edge - low, 0) for edge in (padding[0], padding[1] + 1))
        shades[first:last] = 0
    index = stored if low == 0 and stored.dtype.kind == "u" else stored.astype(np.int64) - low
    grey: Grey = shades[index]
    return grey


def _shown(sample: Stored, to_modality: Mapping | None, to_shown: Mapping | None) -> Mapping:
    """Return the way from stored values to 0..1, by the file's window or by statistics."""
    mapped = sample.astype(np.float64)
    if to_modality is not None:
        rescaled = to_modality(mapped)
        # Slopes like 1e308 leave nothing to see; then neither they nor a window in their units.
        if np.isfinite(rescaled).all() and np.ptp(rescaled) > 0:
            mapped = rescaled
        else:
            to_modality = to_shown = None
    if to_shown is not None:
        seen = to_shown(mapped)
        # Absurd are both: one that clips nearly everything and one far wider than the film.
        inside = np.mean((seen > seen.min()) & (seen < seen.max()))
        if inside < _LEAST_SHOWN or seen.max() - seen.min() < _LEAST_SHOWN:
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


def _padding(dataset: Dataset, layout: Layout) -> _Padding:
    """Return the stored values, both inclusive, that are no image (PS3.3 C.7.5.1.1.2)."""
    value = whole_number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = whole_number(dataset, "PixelPaddingRangeLimit")
    # US beside signed pixels and SS beside unsigned ones: only the stored bits count.
    span = 1 << layout.bits_stored
    edges = [edge % span for edge in (value, value if limit is None else limit)]
    if layout.signed:
        edges = [edge - span if edge >= span // 2 else edge for edge in edges]
    return min(edges), max(edges)


def _sample(stored: Stored, padding: _Padding, every: int) -> tuple[Stored, _Padding]:
    """Return a part of the pixels that are not padding, and the padding if it is believable."""
    sample = stored[::every, ::every].ravel()
    if sample.min() == sample.max():  # detail so fine or so small that all of it must be seen
        sample = stored.ravel()
    if padding is None:
        return sample, None
    film = sample[(sample < padding[0]) | (sample > padding[1])]
    if film.size < _LEAST_FILM * sample.size:
        return sample, None
    return film, padding
