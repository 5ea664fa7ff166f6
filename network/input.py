"""A radiograph as the network takes it: a square of grey levels, made without torch.

The longer side of the upright image is scaled to ``INPUT_SIDE_PX - 2 * MARGIN_PX``, the rest is
black. The margin lets a landmark on the very edge of the film lie inside the heat map.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from network.prediction import PreparedInput

INPUT_SIDE_PX = 128
MARGIN_PX = 4
#: Grey levels outside these percentiles of the film are clipped: burnt-in labels and collimators.
WINDOW_PERCENTILES = (0.5, 99.5)


def fit_affine(rows: int, columns: int, side: int, margin: int) -> npt.NDArray[np.float64]:
    """Lead from square input pixels to upright pixels: (2, 3), pixel centres at integers."""
    scale = (side - 2 * margin) / max(rows, columns)
    width, height = _fitted_size(rows, columns, scale)
    left, top = (side - width) // 2, (side - height) // 2
    # Pixel centres: (upright + 0.5) * fitted / size = input - corner + 0.5, for each axis alone,
    # since rounding the fitted size makes the two scales differ by a fraction of a pixel.
    step_x, step_y = columns / width, rows / height
    return np.array(
        [
            [step_x, 0.0, (0.5 - left) * step_x - 0.5],
            [0.0, step_y, (0.5 - top) * step_y - 0.5],
        ]
    )


def prepare(
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    *,
    side: int = INPUT_SIDE_PX,
    margin: int = MARGIN_PX,
) -> PreparedInput:
    """Fit an upright radiograph (rows, columns) into the network's square of uint8.

    ``side`` and ``margin`` differ from their defaults only in training, which augments from a
    larger square.
    """
    rows, columns = pixels.shape
    width, height = _fitted_size(rows, columns, (side - 2 * margin) / max(rows, columns))
    # Pillow's bilinear filter widens with the reduction, so it averages rather than aliases; it
    # resizes 16 bits only as float.
    grey = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    film = np.asarray(
        Image.fromarray(grey).convert("F").resize((width, height), Image.Resampling.BILINEAR)
    )
    low, high = np.percentile(film, WINDOW_PERCENTILES)
    if high <= low:  # a film whose detail is a sliver: show all of it rather than nothing
        low, high = float(film.min()), float(film.max())
    levels = (film - low) * (255.0 / max(high - low, 1e-6))
    square = np.zeros((side, side), np.uint8)
    left, top = (side - width) // 2, (side - height) // 2
    square[top : top + height, left : left + width] = np.clip(np.rint(levels), 0, 255)
    return PreparedInput(pixels=square, to_upright=fit_affine(rows, columns, side, margin))


def _fitted_size(rows: int, columns: int, scale: float) -> tuple[int, int]:
    return max(1, round(columns * scale)), max(1, round(rows * scale))
