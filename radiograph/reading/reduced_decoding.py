"""Decoding at reduced size: JPEG 2000 by its resolution levels, JPEG by a scaled DCT.

Both use Pillow, which exposes the levels of OpenJPEG and the scaled DCT of libjpeg. The result is
None for a stream that cannot be reduced or fails; it is then decoded at full size.
"""

from __future__ import annotations

import io

import numpy as np
from PIL.ImageFile import ImageFile, _Tile
from PIL.JpegImagePlugin import JpegImageFile

from radiograph.reading.codestream import jpeg_is_scalable
from radiograph.reading.jpeg2000 import Levels, jpeg2000_levels
from radiograph.reading.sample_grid import Grid, Sampled, block_grid, halvings_to, wavelet_grid

#: libjpeg can scale its blocks of 8 x 8 down to one pixel.
_MOST_DCT_HALVINGS = 3


def reduced_jpeg_2000(frame: bytes, enough_px: int | None) -> Sampled | None:
    """Decode one grey component without its finest levels; None if full size is needed."""
    levels = None if enough_px is None else jpeg2000_levels(frame)
    if levels is None:
        return None
    halvings = min(halvings_to(levels.rows, levels.columns, enough_px), levels.halvings)
    if not halvings:
        return None
    try:
        image = _CoarseLevels(frame, levels, halvings)
        image.load()
        values = np.asarray(image)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoding at full size reports the error
        return None
    # Pillow shifts 12 bits up to 16.
    return Sampled(values >> (8 * values.itemsize - levels.bits), wavelet_grid(halvings))


def reduced_jpeg(frame: bytes, enough_px: int | None) -> Sampled | None:
    """Decode one grey component by a scaled DCT; None if full size is needed."""
    if enough_px is None or not jpeg_is_scalable(frame):
        return None
    try:
        image = JpegImageFile(io.BytesIO(frame))
        grid = scale_down(image, enough_px)
        if image.mode != "L" or grid.step == 1:
            return None
        image.load()
        return Sampled(np.asarray(image), grid)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoding at full size reports the error
        return None


def scale_down(image: JpegImageFile, enough_px: int | None) -> Grid:
    """Set a JPEG that is not loaded yet to decode at reduced size; return its grid."""
    columns, rows = image.size
    halvings = min(halvings_to(rows, columns, enough_px), _MOST_DCT_HALVINGS)
    if halvings:
        image.draft(None, (columns >> halvings, rows >> halvings))
    grid = block_grid(halvings)
    if image.size != (grid.size(columns), grid.size(rows)):
        raise ValueError("the JPEG decoder uses another scale")
    return grid


class _CoarseLevels(ImageFile):
    """A codestream without its finest levels. Pillow's own plugin rounds odd sizes down."""

    def __init__(self, frame: bytes, levels: Levels, halvings: int) -> None:
        self._frame_bytes, self._levels, self._halvings = len(frame), levels, halvings
        super().__init__(io.BytesIO(frame))

    def _open(self) -> None:
        grid = wavelet_grid(self._halvings)
        self._size = grid.size(self._levels.columns), grid.size(self._levels.rows)
        self._mode = "L" if self._levels.bits <= 8 else "I;16"
        # Arguments of OpenJPEG: format, omitted levels, all layers, no descriptor, length.
        arguments = ("j2k", self._halvings, 0, -1, self._frame_bytes)
        self.tile = [_Tile("jpeg2k", (0, 0, *self._size), 0, arguments)]
