"""Conversion of log attenuation to the grey image of a digital detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from radiograph.phantom.canvas import Grid


@dataclass(frozen=True, slots=True)
class Exposure:
    """``photons``: quanta per pixel in air. ``scatter``: its ratio to the primary beam.

    ``centre`` and ``width``: the display curve in log attenuation. ``crispness``: gain of local
    contrast in processing.
    """

    photons: float
    scatter: float
    centre: float
    width: float
    crispness: float


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Return a random exposure and processing."""
    return Exposure(
        photons=float(rng.uniform(2e4, 1e5)),
        scatter=float(rng.uniform(0.2, 0.5)),
        centre=float(rng.uniform(2.2, 2.6)),
        width=float(rng.uniform(0.45, 0.65)),
        crispness=float(rng.uniform(0.7, 1.3)),
    )


def expose(
    attenuation: Grid, rows: int, columns: int, exposure: Exposure, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Return (rows, columns) uint16 over the full range, black is air."""
    primary = np.exp(-soften(attenuation))
    # Scatter is a body-sized blur of the primary beam, added to it.
    beam = primary + exposure.scatter * blur(primary, 20) * 0.55
    log = -np.log(beam)
    log = resize(log, rows, columns)
    noise = rng.standard_normal((rows, columns), dtype=np.float32)
    # The blur of the detector correlates the noise of neighbouring pixels.
    noise = soften(noise) * np.float32(1.6)
    log += noise * np.exp(0.5 * np.minimum(log, 5.0)) / np.float32(np.sqrt(exposure.photons))
    # An anti-scatter grid leaves faint lines.
    log += (0.003 * np.sin(np.arange(columns) * 2.1)).astype(np.float32)[None, :]
    local = log - blur(log, 26)
    inside = np.clip(log / 0.5, 0.0, 1.0)
    log = log + exposure.crispness * local * inside * 0.45
    grey = 1.0 / (1.0 + np.exp(-(log - exposure.centre) / exposure.width))
    floor = 1.0 / (1.0 + np.exp(exposure.centre / exposure.width))
    grey = (grey - floor) / (1.0 - floor)
    return np.asarray(np.clip(grey, 0.0, 1.0) * 65535.0 + 0.5).astype(np.uint16)


def soften(image: Grid) -> Grid:
    """Return an image blurred with (1 2 1) / 4 along both axes."""
    padded = np.pad(image, 1, mode="edge")
    wide = 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]
    return np.asarray(0.25 * wide[:-2] + 0.5 * wide[1:-1] + 0.25 * wide[2:], dtype=np.float32)


def blur(image: Grid, cells: int) -> Grid:
    """Return an image blurred to about ``cells`` patches along each side."""
    small = Image.fromarray(image).resize((cells, cells), Image.Resampling.HAMMING)
    rows, columns = image.shape
    return np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)


def resize(image: Grid, rows: int, columns: int) -> Grid:
    """Return ``image`` at (rows, columns)."""
    if image.shape == (rows, columns):
        return image
    scaled = Image.fromarray(image).resize((columns, rows), Image.Resampling.BICUBIC)
    return np.array(scaled, dtype=np.float32)


def collimate(image: npt.NDArray[np.uint16], rng: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Return an image, in some cases with a few per cent of its edges black or white."""
    if rng.random() < 0.55:
        return image
    rows, columns = image.shape
    shade = 0 if rng.random() < 0.85 else 64000
    top, bottom, left, right = rng.uniform(0.0, 0.03, size=4)
    framed = np.full_like(image, shade)
    window = (
        slice(int(top * rows), rows - int(bottom * rows)),
        slice(int(left * columns), columns - int(right * columns)),
    )
    framed[window] = image[window]
    return framed
