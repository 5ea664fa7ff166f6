"""Turning a stored raster upright, and the affine back to the pixels of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Turn:
    """Steps that turn a stored raster upright, in this order: transpose, mirror, turn over."""

    transpose: bool = False
    mirror: bool = False  # columns reversed
    turn_over: bool = False  # rows reversed

    def upright(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return ``stored`` (rows, columns) turned upright."""
        turned = stored.T if self.transpose else stored
        if self.mirror:
            turned = turned[:, ::-1]
        if self.turn_over:
            turned = turned[::-1]
        return np.ascontiguousarray(turned)

    def stored(self, upright: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an upright raster as stored: the inverse of `upright`."""
        turned = upright[::-1] if self.turn_over else upright
        if self.mirror:
            turned = turned[:, ::-1]
        return np.ascontiguousarray(turned.T if self.transpose else turned)

    def to_source(self, rows: int, columns: int) -> npt.NDArray[np.float64]:
        """Return the (2, 3) affine from upright (rows, columns), ``(x, y, 1)``, to stored ones."""
        along_x = [-1.0, 0.0, columns - 1.0] if self.mirror else [1.0, 0.0, 0.0]
        along_y = [0.0, -1.0, rows - 1.0] if self.turn_over else [0.0, 1.0, 0.0]
        return np.array([along_y, along_x] if self.transpose else [along_x, along_y])


#: EXIF 2.32 table 6.
_EXIF = {
    1: Turn(),
    2: Turn(mirror=True),
    3: Turn(mirror=True, turn_over=True),
    4: Turn(turn_over=True),
    5: Turn(transpose=True),
    6: Turn(transpose=True, mirror=True),
    7: Turn(transpose=True, mirror=True, turn_over=True),
    8: Turn(transpose=True, turn_over=True),
}


def exif_turn(orientation: object) -> Turn:
    """Return the turn for an EXIF orientation; the identity if it is invalid."""
    return _EXIF.get(orientation, Turn()) if isinstance(orientation, int) else Turn()


def patient_turn(orientation: Sequence[str]) -> Turn:
    r"""Return the turn for a PatientOrientation.

    PS3.3 C.7.6.1.1.1: the directions of rows and columns, so ``L\F`` is upright, with the
    patient's right at image left. Only the first letter of each counts (``LA``); the turn is the
    identity if one is missing or belongs to a lateral view (``A\F``).
    """
    along_row, along_column = ([value.strip().upper()[:1] for value in orientation] + ["", ""])[:2]
    if along_row in {"H", "F"} and along_column in {"L", "R"}:
        return Turn(transpose=True, mirror=along_column == "R", turn_over=along_row == "H")
    return Turn(mirror=along_row == "R", turn_over=along_column == "H")
