"""Limits on the size of files and images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from radiograph.errors import BrokenHeader, TooLarge, TooSmall
from radiograph.records import Header

#: Raises a RadiographError to stop reading after the header.
Check = Callable[[Header], None]


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits checked before memory for an image is allocated.

    ``max_file_bytes``: of the file, and of a deflated data set once inflated.
    ``max_pixels``: rows x columns. ``min_side_px``: the shorter side.
    ``enough_px``: a sufficient shorter side. If the codec can decode at reduced size, the smallest
    size that is not below is decoded; None decodes at full size.
    """

    max_file_bytes: int = 512 << 20
    max_pixels: int = 100_000_000
    min_side_px: int = 1
    enough_px: int | None = None


def check_size(rows: int, columns: int, limits: ReadLimits) -> None:
    """Check the size in a header. Raises BrokenHeader, TooLarge, TooSmall."""
    size = f"{columns} x {rows} pixels"
    if rows < 1 or columns < 1:
        raise BrokenHeader.because(size)
    if rows * columns > limits.max_pixels:
        raise TooLarge.because(size)
    if min(rows, columns) < limits.min_side_px:
        raise TooSmall.because(size)
