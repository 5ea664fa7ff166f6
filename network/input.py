"""The network's input: a square of grey levels, computed without torch.

The longer side of the upright image is scaled to ``INPUT_SIDE_PX - 2 * MARGIN_PX``; the rest is
black. The margin keeps a landmark at the edge of the radiograph inside the heat map.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from network.prediction import PreparedInput

INPUT_SIDE_PX = 128
MARGIN_PX = 4
#: A shorter side that leaves the square unchanged: four pixels are averaged to one.
ENOUGH_PX = 4 * INPUT_SIDE_PX
#: Grey levels outside these percentiles are clipped: burnt-in labels and collimators.
WINDOW_PERCENTILES = (0.5, 99.5)

#: Left, top, right and bottom edge of a radiograph in pixels of the decoded array.
Extent = tuple[float, float, float, float]


def fit_affine(rows: int, columns: int, side: int, margin: int) -> npt.NDArray[np.float64]:
    """Return the (2, 3) affine from input pixels to upright pixels; pixel centres are integers."""
    return _fit_affine(_whole(rows, columns), side, margin)


def _fit_affine(extent: Extent, side: int, margin: int) -> npt.NDArray[np.float64]:
    from_x, from_y, to_x, to_y = extent
    width, height = _fitted_size(extent, side, margin)
    left, top = (side - width) // 2, (side - height) // 2
    # Pixel centres: (upright - edge) * fitted / size = input - corner + 0.5, for each axis by
    # itself: rounding the fitted size makes the two scales differ by a fraction of a pixel.
    step_x, step_y = (to_x - from_x) / width, (to_y - from_y) / height
    return np.array(
        [
            [step_x, 0.0, (0.5 - left) * step_x + from_x],
            [0.0, step_y, (0.5 - top) * step_y + from_y],
        ]
    )


def prepare(
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    *,
    extent: Extent | None = None,
    side: int = INPUT_SIDE_PX,
    margin: int = MARGIN_PX,
) -> PreparedInput:
    """Fit an upright radiograph (rows, columns) into the network's square of uint8.

    ``extent``: edges of the radiograph in ``pixels`` (`Radiograph.extent`), by default those of
    ``pixels``. After reduced decoding they are between pixels; using them places the radiograph
    in the square independently of the size it was decoded at.
    ``side`` and ``margin`` differ from their defaults only in training, which augments from a
    larger square.
    """
    extent = extent or _whole(*pixels.shape)
    width, height = _fitted_size(extent, side, margin)
    # Pillow resizes 16 bits only as float, and convert("F") would copy a float image.
    is_8bit = pixels.dtype == np.uint8
    grey = Image.fromarray(pixels if is_8bit else pixels.astype(np.float32))
    resized = np.asarray(
        (grey.convert("F") if is_8bit else grey)
        # Pillow's bilinear filter widens with the reduction, so it averages rather than aliases;
        # its box is measured from the corner of the first pixel, not from its centre.
        .resize((width, height), Image.Resampling.BILINEAR, box=_from_corner(extent))
    )
    low, high = np.percentile(resized, WINDOW_PERCENTILES)
    if high <= low:  # nearly uniform: use the full range
        low, high = float(resized.min()), float(resized.max())
    levels = (resized - low) * (255.0 / max(high - low, 1e-6))
    square = np.zeros((side, side), np.uint8)
    left, top = (side - width) // 2, (side - height) // 2
    square[top : top + height, left : left + width] = np.clip(np.rint(levels), 0, 255)
    return PreparedInput(pixels=square, to_upright=_fit_affine(extent, side, margin))


def _whole(rows: int, columns: int) -> Extent:
    return -0.5, -0.5, columns - 0.5, rows - 0.5


def _fitted_size(extent: Extent, side: int, margin: int) -> tuple[int, int]:
    columns, rows = extent[2] - extent[0], extent[3] - extent[1]
    scale = (side - 2 * margin) / max(rows, columns)
    return max(1, round(columns * scale)), max(1, round(rows * scale))


def _from_corner(extent: Extent) -> Extent:
    left, top, right, bottom = extent
    return left + 0.5, top + 0.5, right + 0.5, bottom + 0.5
