"""Layout ``cardiothoracic``: ``images/``, ``masks/OUTLINE/`` and ``cardiothoracic.csv``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from radiograph.landmarks import CALLIPERS
from training.dataset.findings import Finding, Kind
from training.dataset.landmarks15 import known_split, malformed
from training.dataset.radiographs import (
    AnnotatedRadiograph,
    Listing,
    absent_points,
    images_under,
    line_name,
    path_inside,
)
from training.dataset.tables import number, read_headed
from training.errors import LeadsOutside

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
    folder = data / FOLDER
    try:
        table = path_inside(data, folder, TABLE)
    except LeadsOutside as exc:
        return Listing(findings=(malformed(FOLDER, TABLE, exc),))
    if not table.is_file():
        return None
    radiographs: list[AnnotatedRadiograph] = []
    findings: list[Finding] = []
    try:
        for line, row in read_headed(table, COLUMNS):
            place = line_name(table, line)
            try:
                radiograph, missing = _radiograph(data, folder, row, place)
            except (ValueError, LeadsOutside) as exc:
                findings.append(malformed(FOLDER, place, exc, row.get("image")))
                continue
            radiographs.append(radiograph)
            findings += [
                Finding(
                    Kind.MASK_MISSING,
                    radiograph.source,
                    radiograph.split,
                    radiograph.name,
                    place,
                    outline,
                )
                for outline in missing
            ]
    except ValueError as exc:
        findings.append(malformed(FOLDER, table.name, exc))
    return Listing(
        tuple(radiographs), tuple(findings), tuple(images_under(data, folder / "images"))
    )


def _radiograph(
    data: Path, folder: Path, row: Mapping[str, str], place: str
) -> tuple[AnnotatedRadiograph, list[str]]:
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
    return radiograph, missing if len(missing) < len(masks) else []
