"""Data sets of phantoms, in every layout."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from radiograph.phantom import draw_anatomy, project

SIDE = 96
HEADING = ["image", "category", "split", *(f"{axis}{i + 1}" for i in range(15) for axis in "xy")]
Cells = list[object]


def draw_phantom(rng: np.random.Generator, path: Path) -> list[float]:
    """Write a phantom; return x1 y1 ... x15 y15 in pixels of the file."""
    anatomy = draw_anatomy(rng)
    path.parent.mkdir(parents=True, exist_ok=True)
    radiograph = (project(anatomy, SIDE, SIDE, rng) >> 8).astype(np.uint8)
    Image.fromarray(radiograph).save(path)
    return [float(v) for point in anatomy.points(SIDE, SIDE)[:15].round(2) for v in point]


def write_rows(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def ours(folder: Path, splits: Sequence[str]) -> list[Cells]:
    """Write ``landmarks15`` of phantoms without its table; return the table's rows."""
    rng = np.random.default_rng(7)
    return [
        [
            f"film {i}.png",
            "Normal",
            split,
            *draw_phantom(rng, folder / "landmarks15/images" / f"film {i}.png"),
        ]
        for i, split in enumerate(splits)
    ]


def write_ours(folder: Path, rows: Sequence[Sequence[object]]) -> None:
    write_rows(folder / "landmarks15/landmarks.csv", [HEADING, *rows])


def original(folder: Path, counts: dict[str, int], *, inner: str = "") -> list[Cells]:
    """Write category folders of phantoms; return the rows of the table, which has no heading."""
    rng = np.random.default_rng(8)
    rows: list[Cells] = []
    for category, count in counts.items():
        for i in range(count):
            name = f"{category}-{i + 1}"
            points = draw_phantom(rng, folder / category / inner / f"{name}.png")
            rows.append([len(rows), *points, name])
    return rows
