"""Conversion of samples of any type and depth to grey levels."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_FULL = 65535
#: ITU-R BT.601, as PS3.3 C.7.6.3.1.2 defines Y of YBR_FULL.
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


class Alpha(Enum):
    """The alpha channel of a pixel (TIFF 6.0 section 18)."""

    NONE = "no alpha"
    STRAIGHT = "beside the colours"
    PREMULTIPLIED = "multiplied into the colours"


def luminance(colours: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return Y of (rows, columns, 3) red, green and blue."""
    return np.asarray(colours[..., :3] @ _LUMINANCE, np.float32)


def grey_of(samples: Values, *, alpha: Alpha = Alpha.NONE, white_is_zero: bool = False) -> Grey:
    """Return grey levels of (rows, columns) or (rows, columns, 1 or 3 and an alpha channel).

    Transparent pixels are black. Equal colours give exactly that grey, others their luminance.
    """
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    opacity = _opacity(samples[..., -1]) if alpha is not Alpha.NONE else None
    one = _one_channel(samples if alpha is Alpha.NONE else samples[..., :-1])
    deep: Grey = (
        np.asarray(one, np.uint8)
        if one.dtype == np.uint8
        else full_scale(one, None if opacity is None else opacity > 0)
    )
    grey = inverted(deep) if white_is_zero else deep
    if opacity is None:
        return grey
    shown = opacity > 0 if alpha is Alpha.PREMULTIPLIED else opacity
    faded = np.rint(grey * shown)
    return np.asarray(faded, np.uint8) if grey.dtype == np.uint8 else np.asarray(faded, np.uint16)


def inverted(grey: Grey) -> Grey:
    """Return the negative, over the full range of the type."""
    if grey.dtype == np.uint8:
        return np.asarray(255 - grey, np.uint8)
    return np.asarray(_FULL - grey, np.uint16)


def full_scale(
    values: Values, shown: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.uint16]:
    """Return values scaled to the full range of 16 bits; 10 or 12 bits are shifted.

    NaN, infinities and values that are not ``shown`` are ignored for the range.
    """
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.True_
    if shown is not None and shown.any():
        known = values[finite & shown]
    else:
        known = values if finite is np.True_ else values[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if values.dtype.kind in "iu" and low >= 0 and high <= _FULL:
        spare = min(16 - int(high).bit_length(), 8)
        within = values if shown is None else np.clip(values, 0, int(high))
        return np.asarray(within.astype(np.uint16) << np.uint16(spare), np.uint16)
    span = max(high - low, 1e-12)
    levels = (np.where(finite, np.clip(values, low, high), low) - low) * (_FULL / span)
    return np.rint(levels).astype(np.uint16)


def _opacity(alpha: Values) -> npt.NDArray[np.float32] | None:
    """Return the alpha channel from 0 to 1; None if it is uniform or hides everything."""
    low, high = float(alpha.min()), float(alpha.max())
    return None if high <= 0 or low == high else np.clip(alpha / high, 0, 1).astype(np.float32)


def _one_channel(colours: Values) -> Values:
    first = colours[..., 0]
    if all(np.array_equal(first, colours[..., each]) for each in range(1, colours.shape[-1])):
        return first
    grey = luminance(colours)
    if colours.dtype == np.uint8:
        return np.asarray(np.rint(grey), np.uint8)
    return np.rint(grey).astype(np.int64) if colours.dtype.kind in "iu" else grey
