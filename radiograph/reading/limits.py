"""How large a file and how small an image may be, and what else a caller asks of a header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from radiograph.errors import BrokenHeader, TooLarge, TooSmall
from radiograph.records import Header

#: Raises a RadiographError for a header that is to be read no further.
Check = Callable[[Header], None]


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds that hold before anything is allocated for an image.

    ``max_file_bytes``: of the file, and of a deflated data set once inflated.
    ``max_pixels``: rows x columns. ``min_side_px``: the shorter side.
    ``enough_px``: the shorter side of a picture that is large enough. Where the codec holds the
    picture in several sizes, the smallest that is not below is decoded; None decodes in full.
    """

    max_file_bytes: int = 512 << 20
    max_pixels: int = 100_000_000
    min_side_px: int = 1
    enough_px: int | None = None


def check_size(rows: int, columns: int, limits: ReadLimits) -> None:
    """Check the size that a header claims. Raises BrokenHeader, TooLarge, TooSmall."""
    size = f"{columns} x {rows} pixels"
    if rows < 1 or columns < 1:
        raise BrokenHeader.because(size)
    if rows * columns > limits.max_pixels:
        raise TooLarge.because(size)
    if min(rows, columns) < limits.min_side_px:
        raise TooSmall.because(size)
