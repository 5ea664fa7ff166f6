"""From stored codes to grey levels: black is air, the type's full range is used.

Everything the header asks for acts on one value at a time, so all of it is computed once for
each possible code (at most 65,536) and applied to the image as one table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from radiograph.errors import UniformPixels
from radiograph.reading.dicom_pixels import Codes
from radiograph.reading.elements import integer, number, text
from radiograph.reading.layout import PALETTE, Layout
from radiograph.reading.lookup import look_up, palette_levels
from radiograph.reading.upright import Grey
from radiograph.reading.window import read_window

Floats = npt.NDArray[np.float64]

#: The range shown without a usable window: burnt-in labels and dead pixels lie outside it.
_PERCENTILES = (0.5, 99.5)
#: Every eighth pixel is enough for percentiles; small images are sampled whole.
_SAMPLE_STEP, _SAMPLE_FROM_PIXELS = 8, 1 << 18
#: Padding that would leave less of the image than this is a mistake of the header.
_LEAST_IMAGE = 0.01


def render(codes: Codes, layout: Layout, dataset: Dataset, *, little_endian: bool) -> Grey:
    """Return (rows, columns) grey levels, uint8 for up to 8 bits, else uint16.

    Raises UniformPixels, BrokenHeader.
    """
    if codes.min() == codes.max():
        raise UniformPixels(UniformPixels.__doc__)
    every = np.arange(1 << layout.bits, dtype=np.uint16)
    if layout.photometric == PALETTE:
        return _apply(palette_levels(dataset, every), codes, layout)
    if layout.samples == 3:
        return _apply(every / (len(every) - 1.0), codes, layout)
    stored = every.astype(np.float64)
    if layout.signed:
        stored[len(stored) // 2 :] -= len(stored)
    sample = _sample(codes)
    padding = _padding(dataset, layout, stored)
    if np.mean(~padding[sample]) < _LEAST_IMAGE:
        padding[:] = False
    values = _modality(dataset, stored, little_endian=little_endian)
    levels = _shown(dataset, values, values[sample[~padding[sample]]], little_endian=little_endian)
    if _inverse(dataset, layout):
        levels = 1 - levels
    levels[padding] = 0
    return _apply(levels, codes, layout)


def stretch(grey: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Show the robust range of 16 bits that come without a window, as PNG and TIFF do."""
    values = np.arange(1 << 16, dtype=np.float64)
    levels = _between(values, *_robust_range(values[_sample(grey)]))
    return np.rint(levels * 65535).astype(np.uint16)[grey]


def _apply(levels: Floats, codes: Codes, layout: Layout) -> Grey:
    if layout.bits <= 8:
        return np.rint(levels * 255).astype(np.uint8)[codes]
    return np.rint(levels * 65535).astype(np.uint16)[codes]


def _sample(codes: Codes) -> Codes:
    flat: Codes = codes.ravel()
    return flat if flat.size < _SAMPLE_FROM_PIXELS else flat[::_SAMPLE_STEP]


def _padding(dataset: Dataset, layout: Layout, stored: Floats) -> npt.NDArray[np.bool_]:
    """Mark the stored values that are no image (PS3.3, C.7.5.1.1.2)."""
    value = integer(dataset, "PixelPaddingValue")
    if value is None:
        return np.zeros(len(stored), np.bool_)
    limit = integer(dataset, "PixelPaddingRangeLimit")
    # Written as unsigned beside signed pixels, or the other way: the bits are what counts.
    mask = (1 << layout.bits) - 1
    edges = sorted(stored[each & mask] for each in (value, value if limit is None else limit))
    return np.asarray((stored >= edges[0]) & (stored <= edges[1]))


def _modality(dataset: Dataset, stored: Floats, *, little_endian: bool) -> Floats:
    """Send stored values through the modality table or the rescale (PS3.3, C.11.1)."""
    looked_up = look_up(dataset, "ModalityLUTSequence", stored, little_endian=little_endian)
    if looked_up is not None:
        return looked_up
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    return stored * (slope or 1.0) + (intercept or 0.0)


def _shown(dataset: Dataset, values: Floats, image: Floats, *, little_endian: bool) -> Floats:
    """Return the level, 0 to 1, of each value. ``image``: values of a sample without padding."""
    low, high = _robust_range(image)
    looked_up = look_up(dataset, "VOILUTSequence", values, little_endian=little_endian)
    if looked_up is not None and looked_up.max() > looked_up.min():
        shown = look_up(dataset, "VOILUTSequence", image, little_endian=little_endian)
        if shown is not None and shown.max() > shown.min():
            return _between(looked_up, float(looked_up.min()), float(looked_up.max()))
    window = read_window(dataset)
    if window is not None and window.shows(low, high):
        return window.levels(values)
    return _between(values, low, high)


def _robust_range(image: Floats) -> tuple[float, float]:
    low, high = (float(edge) for edge in np.percentile(image, _PERCENTILES))
    return (low, high) if high > low else (float(image.min()), float(image.max()))


def _between(values: Floats, low: float, high: float) -> Floats:
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)


def _inverse(dataset: Dataset, layout: Layout) -> bool:
    """MONOCHROME1 and PresentationLUTShape INVERSE say the same thing: invert once, not twice."""
    shape = (text(dataset, "PresentationLUTShape") or "").upper()
    return layout.photometric == "MONOCHROME1" or shape == "INVERSE"
