"""A decoded file: one upright radiograph with its header."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radiograph.records import Header


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One radiograph, upright.

    ``pixels``: (rows, columns), uint8 or uint16 over the type's full range, black is air;
    smaller than the file's rows and columns if decoded at reduced size.
    ``to_source``: (2, 3) float64 affine from ``(x, y, 1)`` of ``pixels`` to the file's ``(x, y)``,
    pixel centres at integers in both.
    ``pixel_digest``: SHA-256 of the decoded upright pixels with their shape and type, in hex; None
    at reduced size, whose pixels cannot be compared between files.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    header: Header
    to_source: npt.NDArray[np.float64]
    pixel_digest: str | None

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Return the edges of the radiograph in ``pixels``: left, top, right, bottom.

        The edges of a pixel are half a pixel from its centre: at full size the top left corner
        is (-0.5, -0.5).
        """
        corners = np.array([[-0.5, -0.5], [self.header.columns - 0.5, self.header.rows - 0.5]])
        upright = np.linalg.solve(self.to_source[:, :2], (corners - self.to_source[:, 2]).T).T
        (left, top), (right, bottom) = upright.min(axis=0), upright.max(axis=0)
        return float(left), float(top), float(right), float(bottom)
