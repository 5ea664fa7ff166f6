"""What reading makes of a file: one upright radiograph with its header."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radiograph.records import Header


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One radiograph, upright.

    ``pixels``: (rows, columns), uint8 or uint16 over the type's full range, black is air; fewer
    than the file's rows and columns where it was decoded at reduced size.
    ``to_source``: (2, 3) float64 affine from ``(x, y, 1)`` of ``pixels`` to the file's ``(x, y)``,
    pixel centres at integers in both.
    ``pixel_digest``: SHA-256 of the decoded upright pixels with their shape and type, in hex; None
    for a reduced size, whose pixels no other file can be compared by.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    header: Header
    to_source: npt.NDArray[np.float64]
    pixel_digest: str | None

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Where the film's edges lie in ``pixels``: left, top, right, bottom.

        The edges of a pixel are half a pixel from its centre: (-0.5, -0.5) is a film's corner
        unless its size was reduced.
        """
        corners = np.array([[-0.5, -0.5], [self.header.columns - 0.5, self.header.rows - 0.5]])
        upright = np.linalg.solve(self.to_source[:, :2], (corners - self.to_source[:, 2]).T).T
        (left, top), (right, bottom) = upright.min(axis=0), upright.max(axis=0)
        return float(left), float(top), float(right), float(bottom)
