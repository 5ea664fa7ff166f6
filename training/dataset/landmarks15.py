"""Layout ``landmarks15``: ``images/`` and ``landmarks.csv`` with category, split and 15 points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from radiograph.landmarks import ANATOMICAL
from training.dataset.findings import Finding
from training.dataset.radiographs import AnnotatedRadiograph, Listing, absent_points, path_inside
from training.dataset.table_listing import known_split, list_table
from training.dataset.tables import number

FOLDER = "landmarks15"
TABLE = "landmarks.csv"
COLUMNS = (
    "image",
    "category",
    "split",
    *(f"{axis}{i + 1}" for i in ANATOMICAL for axis in "xy"),
)


def list_radiographs(data: Path) -> Listing | None:
    """List the data set under ``data``; None where it does not exist."""
    return list_table(data, FOLDER, TABLE, COLUMNS, partial(_radiograph, data))


def _radiograph(
    data: Path, folder: Path, row: Mapping[str, str], place: str
) -> tuple[AnnotatedRadiograph, tuple[Finding, ...]]:
    if not row["image"]:
        raise ValueError("the row names no image")
    points = absent_points()
    for i in ANATOMICAL:
        points[i] = number(row[f"x{i + 1}"], f"x{i + 1}"), number(row[f"y{i + 1}"], f"y{i + 1}")
    radiograph = AnnotatedRadiograph(
        path=path_inside(data, folder / "images", row["image"]),
        name=row["image"],
        source=FOLDER,
        category=row["category"],
        split=known_split(row["split"]),
        points=points,
        place=place,
    )
    return radiograph, ()
