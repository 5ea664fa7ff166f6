"""Colour pixels into grey ones: secondary captures and screenshots are stored in colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from radiograph.errors import BrokenHeader
from radiograph.reading.dicom_layout import Layout

Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

#: ITU-R BT.601, as PS3.3 C.7.6.3.1.2 defines Y of YBR_FULL.
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def luminance(colours: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return Y of (rows, columns, 3) red, green and blue."""
    return np.asarray(colours[..., :3] @ _LUMINANCE, np.float32)


def colour(stored: npt.NDArray[Any], dataset: Dataset, layout: Layout) -> Grey:
    """Return the luminance of ``stored``: colours, numbers of colours, or Y already.

    Raises BrokenHeader.
    """
    top = 2**layout.bits_stored - 1
    if layout.palette:
        try:
            stored = apply_color_lut(stored, dataset)
        except MemoryError:
            raise
        except Exception as exc:  # a palette that contradicts itself fails in many ways
            raise BrokenHeader.because("no usable palette") from exc
        top = 2 ** (8 * stored.dtype.itemsize) - 1
    if stored.ndim == 3:
        # What a codec makes of its own colour transformation (YBR_RCT, YBR_ICT) is RGB.
        is_luminance_first = layout.photometric in {"YBR_FULL", "YBR_FULL_422"}
        stored = stored[..., 0] if is_luminance_first else luminance(stored)
    if top == 255:
        return np.asarray(np.rint(np.clip(stored, 0, 255)), np.uint8)
    levels = stored.astype(np.float64) * (65535.0 / top)
    return np.asarray(np.rint(np.clip(levels, 0, 65535)), np.uint16)
