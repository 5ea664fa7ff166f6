"""Decoding of JPEG streams of any precision."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt


def jpeg_values(frame: bytes, bits: int, **spaces: Any) -> npt.NDArray[Any]:
    """Decode a JPEG stream of any precision.

    Lossless predictions are modulo 2^16 (T.81 H.1.2.1) and the decoder does not mask them, so bits
    above the precision are cleared here.
    """
    values = np.asarray(imagecodecs.jpeg8_decode(frame, **spaces))
    spare = 8 * values.itemsize - bits
    return values & values.dtype.type((1 << bits) - 1) if spare > 0 else values
