"""Projection of a synthetic chest by Beer-Lambert over soft tissue, lung, heart and bone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from radiograph.phantom import tissue
from radiograph.phantom.anatomy import Anatomy
from radiograph.phantom.canvas import Canvas, Grid, Ribbon, body_canvas, line
from radiograph.phantom.exposure import Exposure, collimate, draw_exposure, expose
from radiograph.phantom.skeleton import bone

#: Attenuation per cm behind a patient, at about 120 kVp.
SOFT_PER_CM = 0.165
BONE_PER_CM = 0.30
#: Density of inflated lung relative to soft tissue.
LUNG_DENSITY = 0.24
#: Longest side of the grid on which path lengths are summed; finer detail would be noise.
RENDER_SIDE = 560


def project(
    anatomy: Anatomy,
    rows: int,
    columns: int,
    rng: np.random.Generator,
    exposure: Exposure | None = None,
) -> npt.NDArray[np.uint16]:
    """Return the radiograph of ``anatomy``, (rows, columns) uint16, upright, black is air."""
    shrink = min(1.0, RENDER_SIDE / max(rows, columns))
    canvas = body_canvas(anatomy, round(rows * shrink), round(columns * shrink))
    log = attenuation(canvas, anatomy, rng)
    return collimate(expose(log, rows, columns, exposure or draw_exposure(rng), rng), rng)


def attenuation(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Grid:
    """Return the log attenuation of every cell."""
    body = tissue.trunk(canvas, anatomy)
    lung = tissue.lungs(canvas, anatomy)
    heart = tissue.heart(canvas, anatomy)
    air = np.maximum(lung - heart, 0.12 * lung)
    gas = tissue.airways(canvas, anatomy) + tissue.stomach(canvas, anatomy)
    vessels = np.minimum(canvas.ribbons(tissue.vessels(anatomy, rng)), 2.5) * np.clip(
        air / 4.0, 0.0, 1.0
    )
    body = body * tissue.mottle(canvas.shape, rng)
    soft = np.maximum(body - (1.0 - LUNG_DENSITY) * air - gas, 0.0) + vessels
    skeleton = bone(canvas, anatomy, rng)
    total = SOFT_PER_CM * soft + BONE_PER_CM * skeleton * np.clip(body / 3.0, 0.0, 1.0)
    total += 2.5 * canvas.ribbons(_marker(anatomy, rng))
    return np.asarray(total, dtype=np.float32)


def _marker(anatomy: Anatomy, rng: np.random.Generator) -> list[Ribbon]:
    """Return the lead letter at the patient's left shoulder."""
    if rng.random() < 0.35:
        return []
    u, v, size = anatomy.field * 0.40, -1.0 + float(rng.uniform(-2.5, 0.0)), 1.5
    return [
        Ribbon(line((u, v), (u, v + size)), np.full(24, 0.14), 1.0),
        Ribbon(line((u, v + size), (u + 0.7 * size, v + size)), np.full(24, 0.14), 1.0),
    ]
