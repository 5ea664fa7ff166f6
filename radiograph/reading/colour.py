"""Conversion of colour pixels to grey: secondary captures and screenshots are in colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from radiograph.reading.dicom_layout import Layout
from radiograph.reading.palette import palette_colours
from radiograph.reading.samples import Grey, luminance


def colour(stored: npt.NDArray[Any], dataset: Dataset, layout: Layout) -> Grey:
    """Return the luminance of ``stored``: colours, palette indices, or Y.

    Raises BrokenHeader.
    """
    top = 2**layout.bits_stored - 1
    if layout.palette:
        stored = palette_colours(stored, dataset)
        top = 2 ** (8 * stored.dtype.itemsize) - 1
    if stored.ndim == 3:
        # Codecs undo their own colour transformation (YBR_RCT, YBR_ICT) and return RGB.
        is_luminance_first = layout.photometric in {"YBR_FULL", "YBR_FULL_422"}
        stored = stored[..., 0] if is_luminance_first else luminance(stored)
    if top == 255:
        return np.asarray(np.rint(np.clip(stored, 0, 255)), np.uint8)
    levels = stored.astype(np.float64) * (65535.0 / top)
    return np.asarray(np.rint(np.clip(levels, 0, 65535)), np.uint16)
