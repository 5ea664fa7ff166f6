"""JPEG streams of every precision, in DICOM or alone."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt


def jpeg_values(frame: bytes, bits: int, **spaces: Any) -> npt.NDArray[Any]:
    """Decode a JPEG stream of any precision.

    Lossless differences are sums modulo 2^16 (T.81 H.1.2.1), which the decoder hands on as they
    are: of fewer bits, what is above them is cut off.
    """
    values = np.asarray(imagecodecs.jpeg8_decode(frame, **spaces))
    spare = 8 * values.itemsize - bits
    return values & values.dtype.type((1 << bits) - 1) if spare > 0 else values
