"""A small folder of annotated radiographs with known truth, for training in tests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from radiograph.landmarks import ANATOMICAL
from radiograph.phantom import draw_anatomy, project

SIDE_PX = 192


def write_landmark_set(folder: Path, train: int = 8, val: int = 4, test: int = 4) -> Path:
    """Write phantoms with fifteen landmarks in the layout ``landmarks15``."""
    images = folder / "landmarks15" / "images"
    images.mkdir(parents=True)
    splits = ["train"] * train + ["val"] * val + ["test"] * test
    with (images.parent / "landmarks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        numbers = [f"{axis}{number + 1}" for number in ANATOMICAL for axis in "xy"]
        writer.writerow(["image", "category", "split", *numbers])
        rng = np.random.default_rng(7)
        for number, split in enumerate(splits):
            anatomy = draw_anatomy(rng)
            picture = project(anatomy, SIDE_PX, SIDE_PX, rng) >> 8
            name = f"film {number}.png"
            Image.fromarray(picture.astype(np.uint8)).save(images / name)
            points = anatomy.points(SIDE_PX, SIDE_PX).round(2).tolist()
            placed = [value for number in ANATOMICAL for value in points[number]]
            writer.writerow([name, "Normal", split, *placed])
    return folder
