"""A radiograph as a picture: windowed to 8 bits and reduced in size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from radiograph.image import Radiograph

#: Percentiles of the pixels that become black and white.
WINDOW_PERCENTILES = (0.5, 99.5)


def windowed_image(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Image.Image:
    """Return (rows, columns) pixels windowed to 8-bit grey; a uniform image keeps its grey."""
    low, high = np.percentile(pixels[::4, ::4], WINDOW_PERCENTILES)
    if high <= low:
        low, high = 0.0, float(np.iinfo(pixels.dtype).max)
    levels = np.arange(int(np.iinfo(pixels.dtype).max) + 1, dtype=np.float64)
    table = np.clip((levels - low) / (high - low) * 255.0, 0.0, 255.0).round().astype(np.uint8)
    return Image.fromarray(table[pixels])


def as_picture(radiograph: Radiograph, side_px: int) -> Radiograph:
    """Return a radiograph windowed to uint8, its longer side ``side_px``."""
    rows, columns = radiograph.pixels.shape
    scale = side_px / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    picture = windowed_image(radiograph.pixels).resize(size, Image.Resampling.LANCZOS)
    # Pixel centres are integers in both frames: upright = (reduced + 0.5) / scale - 0.5.
    turn, shift = radiograph.to_source[:, :2], radiograph.to_source[:, 2]
    shift = shift + turn @ np.full(2, 0.5 / scale - 0.5)
    return replace(
        radiograph,
        pixels=np.asarray(picture),
        to_source=np.column_stack((turn / scale, shift)),
        pixel_digest=None,
    )
