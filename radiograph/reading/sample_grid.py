"""Positions of decoded samples relative to the pixels of the file, after reduced decoding.

JPEG 2000 filters with odd, symmetric wavelets: sample ``i`` is at pixel ``i * step`` (ITU T.800
F.3). A scaled DCT averages blocks: sample ``i`` is in the middle of ``step`` pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """Sample ``i`` along either axis is centred on pixel ``i * step + first``.

    Pixel centres are integers. ``step`` is a power of two, 1 at full size.
    """

    step: int = 1
    first: float = 0.0

    def size(self, pixels: int) -> int:
        """Return the number of samples along ``pixels`` pixels."""
        return -(-pixels // self.step)

    def to_pixels(self, affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return a (2, 3) affine to pixels, from an affine to samples."""
        moved = affine * self.step
        moved[:, 2] += self.first
        return moved


WHOLE = Grid()


def wavelet_grid(halvings: int) -> Grid:
    """Return the grid of JPEG 2000 without its ``halvings`` finest levels."""
    return Grid(1 << halvings)


def block_grid(halvings: int) -> Grid:
    """Return the grid of a DCT scaled down by ``halvings`` powers of two."""
    return Grid(1 << halvings, ((1 << halvings) - 1) / 2)


class Sampled(NamedTuple):
    """Values (rows, columns[, 3]) and their grid."""

    values: Values
    grid: Grid = WHOLE


def halvings_to(rows: int, columns: int, enough_px: int | None) -> int:
    """Return how often an image can be halved with its shorter side at least ``enough_px``."""
    halvings = 0
    while enough_px is not None and min(rows, columns) >= enough_px << (halvings + 1):
        halvings += 1
    return halvings


def covering(values: Values, grid: Grid) -> Values:
    """Return values that cover the whole image: wavelet samples end before its last pixels."""
    if grid.step == 1 or grid.first:
        return values
    return np.pad(values, ((0, 1), (0, 1)), mode="edge")
