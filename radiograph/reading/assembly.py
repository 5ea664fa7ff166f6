"""The last step for every format: reject uniform pixels, turn upright, compute the digest."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from radiograph.errors import UniformPixels
from radiograph.image import Radiograph
from radiograph.reading.orientation import Turn
from radiograph.reading.sample_grid import WHOLE, Grid, covering
from radiograph.records import Header


def assemble(
    stored: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], grid: Grid, turn: Turn, header: Header
) -> Radiograph:
    """Return the upright radiograph of ``stored`` grey values. Raises UniformPixels."""
    if stored.min() == stored.max():
        raise UniformPixels
    pixels = turn.upright(covering(stored, grid))
    to_source = grid.to_pixels(turn.to_source(*pixels.shape))
    return Radiograph(pixels, header, to_source, _digest(pixels) if grid == WHOLE else None)


def _digest(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> str:
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.name}".encode())
    digest.update(pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()
