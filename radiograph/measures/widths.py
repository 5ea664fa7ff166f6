"""The two widths of the index, along the image's transverse axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from radiograph.landmarks import Landmark
from radiograph.measures.declaration import Measure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Widths(NamedTuple):
    """Widest transverse heart width and widest inner thoracic width, source pixels."""

    heart_px: float
    thorax_px: float


def calliper_widths(points: npt.NDArray[np.float64], source_px: float) -> Widths:
    """Return the widths of (19, 2) upright ``points``; negative if the callipers are swapped.

    ``source_px``: the width of an upright pixel in source pixels.
    """
    heart = float(points[Landmark.HEART_LEFT, 0] - points[Landmark.HEART_RIGHT, 0]) * source_px
    thorax = float(points[Landmark.THORAX_LEFT, 0] - points[Landmark.THORAX_RIGHT, 0]) * source_px
    return Widths(heart, thorax)


def _width(name: str, unit: str, meaning: str) -> Measure:
    return Measure(name, meaning, unit, decimals=1, shown_decimals=1, field=f"ict.{name}")


MEASURES = (
    _width("heart_width_px", "pixels", "in source pixels"),
    _width("thorax_width_px", "pixels", "in source pixels"),
    _width("heart_width_mm", "mm", "where the spacing is known"),
    _width("thorax_width_mm", "mm", "where the spacing is known"),
)
