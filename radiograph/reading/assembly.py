"""The last step of every format: upright, not uniform, with its digest."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from radiograph.errors import UniformPixels
from radiograph.reading.orientation import Turn
from radiograph.records import Header, Radiograph


def assemble(
    stored: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], turn: Turn, header: Header
) -> Radiograph:
    """Return the radiograph of grey pixels as the file stores them. Raises UniformPixels."""
    if stored.min() == stored.max():
        raise UniformPixels(UniformPixels.__doc__)
    pixels = turn.upright(stored)
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.name}".encode())
    digest.update(pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes())
    return Radiograph(pixels, header, turn.to_source(*pixels.shape), digest.hexdigest())
