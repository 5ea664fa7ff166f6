"""Small archives of frontal chest phantoms."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from radiograph.phantom import draw_anatomy, project


@functools.cache
def phantoms() -> list[npt.NDArray[np.uint8]]:
    """Return four frontal chest phantoms that the network accepts, each (256, 256)."""
    drawn = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        pixels = project(draw_anatomy(random), 256, 256, random)
        drawn.append((pixels >> 8).astype(np.uint8))
    return drawn


def write_radiographs(folder: Path, count: int, *, seed: int = 0) -> None:
    """Write ``count`` frontal chest phantoms with different contents."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = phantoms()[number % len(phantoms())].copy()
        pixels[0, :2] = divmod(1000 * seed + number, 256)
        Image.fromarray(pixels).save(folder / f"{seed}-{number:04}.png")
