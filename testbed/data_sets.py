"""Both data sets in their layout on disk, with phantoms as images."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from radiograph.phantom import draw_anatomy, project
from training.samples import CALLIPER_COLUMNS, OUTLINE_FOLDERS

SIDE = 192
SPLITS = ("train", "train", "val", "test")


def write_phantoms(folder: Path) -> Path:
    """Write both data sets, with four phantoms each."""
    rng = np.random.default_rng(0)
    landmarks: list[list[object]] = []
    callipers: list[list[object]] = []
    for i, split in enumerate(SPLITS):
        name = f"phantom {i}.png"
        for kind, rows in (("landmarks15", landmarks), ("cardiothoracic", callipers)):
            anatomy = draw_anatomy(rng)
            (folder / kind / "images").mkdir(parents=True, exist_ok=True)
            picture = project(anatomy, SIDE, SIDE, rng) >> 8
            Image.fromarray(picture.astype(np.uint8)).save(folder / kind / "images" / name)
            points = anatomy.points(SIDE, SIDE).round(2).tolist()
            if kind == "landmarks15":
                rows.append([name, "Normal", split, *(v for p in points[:15] for v in p)])
            else:
                rows.append(
                    [name, "wingspan", split, anatomy.ict, *(v for p in points[15:] for v in p)]
                )
                heart_right, heart_left, thorax_right, thorax_left = (
                    round(x) for x, _ in points[15:]
                )
                reach = {
                    "heart": (heart_right, heart_left),
                    "left_lung": (heart_left + 1, thorax_left),
                    "right_lung": (thorax_right, heart_right - 1),
                }
                for outline in OUTLINE_FOLDERS:
                    mask = folder / kind / "masks" / outline
                    mask.mkdir(parents=True, exist_ok=True)
                    first, last = reach[outline]
                    drawn = np.zeros((SIDE, SIDE), np.uint8)
                    drawn[90:140, first : last + 1] = 255
                    Image.fromarray(drawn).save(mask / name)
    numbers = [f"{axis}{i + 1}" for i in range(15) for axis in "xy"]
    places = [f"{name}_{axis}" for name in CALLIPER_COLUMNS for axis in "xy"]
    _write(
        folder / "landmarks15/landmarks.csv", ["image", "category", "split", *numbers], landmarks
    )
    _write(
        folder / "cardiothoracic/cardiothoracic.csv",
        ["image", "source", "split", "ctr", *places],
        callipers,
    )
    return folder


def _write(path: Path, heading: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
