"""Images that train in seconds: bright spots on a dark background at the points."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from network.input import INPUT_SIDE_PX
from training.samples import TRAINING_SIDE_PX, Samples, carried_file


def spots(side: int, count: int = 12, split: str = "train") -> Samples:
    """Return ``count`` radiographs; the first half have landmarks, the others callipers."""
    rng = np.random.default_rng(5)
    ratio = side / INPUT_SIDE_PX
    points = (rng.uniform(30, 98, (count, 19, 2)) * ratio).astype(np.float32)
    images = rng.integers(20, 60, (count, side, side)).astype(np.uint8)
    for image, placed in zip(images, points, strict=True):
        for x, y in placed.round().astype(int):
            image[y - 2 : y + 3, x - 2 : x + 3] = 230
    first = np.arange(count) < count // 2
    points[first, 15:] = np.nan
    points[~first, :15] = np.nan
    return Samples(
        images=images,
        points=points,
        outlines=np.zeros((count, 3, side, side), np.uint8),
        outlined=~first,
        frontal=np.ones(count, np.float32),
        scale=np.full(count, 224 / side, np.float32),
        names=np.array([f"spot{i}" for i in range(count)]),
        sources=np.where(first, "landmarks15", "wingspan"),
        categories=np.full(count, "spots"),
        splits=np.full(count, split),
    )


def write_spots(folder: Path) -> Path:
    """Write prepared samples for `python -m training.fit`."""
    folder.mkdir(parents=True, exist_ok=True)
    for side in (TRAINING_SIDE_PX, INPUT_SIDE_PX):
        parts = [spots(side, 12, "train"), spots(side, 6, "val"), spots(side, 6, "test")]
        Samples.join(parts).save(carried_file(folder, side))
    return folder
