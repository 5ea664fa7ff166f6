"""Layout ``cardiothoracic``: ``images/``, ``masks/OUTLINE/`` and ``cardiothoracic.csv``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from radiograph.landmarks import CALLIPERS
from training.dataset.findings import Finding, Kind
from training.dataset.radiographs import AnnotatedRadiograph, Listing, absent_points, path_inside
from training.dataset.table_listing import known_split, list_table
from training.dataset.tables import number

FOLDER = "cardiothoracic"
TABLE = "cardiothoracic.csv"
OUTLINE_FOLDERS = ("heart", "left_lung", "right_lung")
#: In the order of ``CALLIPERS``.
CALLIPER_COLUMNS = ("heart_right", "heart_left", "thorax_right", "thorax_left")
COLUMNS = (
    "image",
    "source",
    "split",
    *(f"{name}_{axis}" for name in CALLIPER_COLUMNS for axis in "xy"),
)


def list_radiographs(data: Path) -> Listing | None:
    """List the data set under ``data``; None where it does not exist."""
    return list_table(data, FOLDER, TABLE, COLUMNS, partial(_radiograph, data))


def _radiograph(
    data: Path, folder: Path, row: Mapping[str, str], place: str
) -> tuple[AnnotatedRadiograph, list[Finding]]:
    """Return the radiograph and the outlines it lacks; without any it was never outlined."""
    if not row["image"]:
        raise ValueError("the row names no image")
    points = absent_points()
    for i, name in zip(CALLIPERS, CALLIPER_COLUMNS, strict=True):
        points[i] = tuple(number(row[f"{name}_{axis}"], f"{name}_{axis}") for axis in "xy")
    index = number(row.get("ctr", ""), "ctr")
    masks = [
        path_inside(data, folder / "masks" / outline, row["image"]) for outline in OUTLINE_FOLDERS
    ]
    missing = [
        outline for outline, mask in zip(OUTLINE_FOLDERS, masks, strict=True) if not mask.is_file()
    ]
    radiograph = AnnotatedRadiograph(
        path=path_inside(data, folder / "images", row["image"]),
        name=row["image"],
        source=row["source"],
        category=row["source"],
        split=known_split(row["split"]),
        points=points,
        place=place,
        masks=None if missing else tuple(masks),
        index=None if math.isnan(index) else index,
    )
    if len(missing) == len(masks):
        return radiograph, []
    return radiograph, [radiograph.finding(Kind.MASK_MISSING, outline) for outline in missing]
