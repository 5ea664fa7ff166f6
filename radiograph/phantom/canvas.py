"""A grid of body coordinates on which path lengths of ribbons are summed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radiograph.phantom.anatomy import Anatomy

Grid = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A tube along a curve: bones, vessels, markers.

    ``path``: (n, 2) points in cm, evenly spaced along the tube in space. ``half_widths``: (n,)
    in cm. ``thickness``: longest way through it in cm. ``hollow``: share of the radius that is
    marrow or air, 0 for a solid tube. ``step``: length in space between two points in cm; where
    a curve runs along the beam it exceeds the projected distance, and the tube grows denser.
    """

    path: npt.NDArray[np.float64]
    half_widths: npt.NDArray[np.float64]
    thickness: float
    hollow: float = 0.0
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Canvas:
    """Body coordinates ``u`` and ``v`` (cm) of every cell, (rows, columns) float32."""

    u: Grid
    v: Grid
    scale: float
    anatomy: Anatomy | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, columns)."""
        return self.u.shape[0], self.u.shape[1]

    def ribbons(self, ribbons: Iterable[Ribbon]) -> Grid:
        """Return the summed path length through ``ribbons`` in cm."""
        rows, columns = self.shape
        total = np.zeros(rows * columns + columns + 2)
        for ribbon in ribbons:
            body, weights = _samples(ribbon, self.scale)
            x, y = self._cells(body)
            left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
            inside = (left >= 0) & (left < columns - 1) & (top >= 0) & (top < rows - 1)
            if not inside.any():
                continue
            fx, fy = (x - left)[inside], (y - top)[inside]
            mass, cell = weights[inside], (top * columns + left)[inside]
            base = int(cell.min())
            length = int(cell.max()) - base + columns + 2
            part = np.bincount(cell - base, mass * (1 - fx) * (1 - fy), minlength=length)
            part += np.bincount(cell - base + 1, mass * fx * (1 - fy), minlength=length)
            part += np.bincount(cell - base + columns, mass * (1 - fx) * fy, minlength=length)
            part += np.bincount(cell - base + columns + 1, mass * fx * fy, minlength=length)
            total[base : base + length] += part
        return total[: rows * columns].reshape(rows, columns).astype(np.float32)

    def _cells(
        self, body: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        rows, columns = self.shape
        if self.anatomy is None:
            return (
                body[:, 0] * self.scale + (columns - 1) / 2.0,
                body[:, 1] * self.scale + (rows - 1) / 2.0,
            )
        points = self.anatomy.to_image(body, rows, columns)
        return points[:, 0], points[:, 1]


def body_canvas(anatomy: Anatomy, rows: int, columns: int) -> Canvas:
    """Return the body coordinates of ``anatomy`` for an image of ``rows`` x ``columns``."""
    scale = anatomy.pixels_per_cm(rows, columns)
    x = (np.arange(columns, dtype=np.float64) - (columns - 1) / 2.0) / scale - anatomy.shift[0]
    y = (np.arange(rows, dtype=np.float64) - (rows - 1) / 2.0) / scale - anatomy.shift[1]
    cos, sin = np.cos(anatomy.tilt), np.sin(anatomy.tilt)
    u = cos * x[None, :] + sin * y[:, None]
    v = -sin * x[None, :] + cos * y[:, None] + anatomy.lung_height / 2.0
    return Canvas(u.astype(np.float32), v.astype(np.float32), scale, anatomy)


def plain_canvas(rows: int, columns: int, field: float) -> Canvas:
    """Return coordinates with ``field`` cm across the shorter side and the origin in the middle."""
    scale = min(rows, columns) / field
    x = (np.arange(columns, dtype=np.float64) - (columns - 1) / 2.0) / scale
    y = (np.arange(rows, dtype=np.float64) - (rows - 1) / 2.0) / scale
    u, v = np.meshgrid(x, y)
    return Canvas(u.astype(np.float32), v.astype(np.float32), scale)


def line(
    start: tuple[float, float], end: tuple[float, float], steps: int = 24
) -> npt.NDArray[np.float64]:
    """Return (steps, 2) points from ``start`` to ``end``."""
    return np.asarray(np.linspace(start, end, steps), dtype=np.float64)


def _samples(
    ribbon: Ribbon, scale: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return points (cm) and weights whose density on the grid is the path length."""
    path = ribbon.path
    flat = np.hypot(*np.diff(path, axis=0).T)
    space = np.full(len(flat), ribbon.step) if ribbon.step else flat
    # At most twice the projected length, or a tangent would become infinitely bright.
    space = np.minimum(np.maximum(space, flat), 2.0 * flat + 0.02)
    along = np.concatenate([[0.0], np.cumsum(space)])
    count = max(int(along[-1] * scale * 1.6) + 1, 3)
    at = (np.arange(count) + 0.5) * along[-1] / count
    centre = np.stack([np.interp(at, along, path[:, i]) for i in (0, 1)], axis=-1)
    half = np.interp(at, along, ribbon.half_widths)
    tangent = np.gradient(centre, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)[:, None]
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=-1)
    across = max(int(2.0 * float(ribbon.half_widths.max()) * scale * 1.6) + 1, 4)
    r = (np.arange(across) + 0.5) * 2.0 / across - 1.0
    profile = np.sqrt(1.0 - r**2)
    if ribbon.hollow:
        profile -= 0.85 * np.sqrt(np.maximum(ribbon.hollow**2 - r**2, 0.0))
    body = centre[:, None, :] + (half[:, None] * r[None, :])[..., None] * normal[:, None, :]
    area = (along[-1] / count) * scale * (2.0 * half / across) * scale
    weights = ribbon.thickness * profile[None, :] * area[:, None]
    return body.reshape(-1, 2), weights.reshape(-1)
