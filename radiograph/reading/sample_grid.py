"""Where the values that a codec gave lie among the pixels of the file.

Codecs that keep a picture in several sizes can decode a smaller one for a part of the work.
JPEG 2000 filters with odd, symmetric wavelets: sample ``i`` lies on pixel ``i * step`` itself
(ITU T.800 F.3). A scaled DCT averages blocks: sample ``i`` lies in the middle of ``step`` pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """The same along both axes: sample ``i`` is centred on pixel ``i * step + first``.

    Pixel centres are at integers. ``step`` is a power of two, 1 where nothing was reduced.
    """

    step: int = 1
    first: float = 0.0

    def size(self, pixels: int) -> int:
        """Count the samples along ``pixels`` of them."""
        return -(-pixels // self.step)

    def to_pixels(self, affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Let an affine (2, 3) that leads to samples lead to pixels."""
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
    """Values (rows, columns[, 3]) and the grid they lie on."""

    values: Values
    grid: Grid = WHOLE


def halvings_to(rows: int, columns: int, enough_px: int | None) -> int:
    """Return how often a film may be halved before its shorter side falls below what is enough."""
    halvings = 0
    while enough_px is not None and min(rows, columns) >= enough_px << (halvings + 1):
        halvings += 1
    return halvings


def covering(values: Values, grid: Grid) -> Values:
    """Repeat the last row and column of a wavelet's samples, which end before the film does."""
    if grid.step == 1 or grid.first:
        return values
    return np.pad(values, ((0, 1), (0, 1)), mode="edge")
