"""Layout ``cardiothoracic``: ``images/``, ``masks/OUTLINE/`` and ``cardiothoracic.csv``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from radiograph.landmarks import CALLIPERS
from training.dataset.findings import Finding, Kind
from training.dataset.landmarks15 import known_split, malformed
from training.dataset.radiographs import (
    Film,
    Listing,
    images_under,
    inside,
    no_points,
    place_of,
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


def list_films(data: Path) -> Listing | None:
    """List the data set under ``data``; None where there is none."""
    folder = data / FOLDER
    try:
        table = inside(data, folder, TABLE)
    except LeadsOutside as exc:
        return Listing(findings=(malformed(FOLDER, TABLE, exc),))
    if not table.is_file():
        return None
    films: list[Film] = []
    findings: list[Finding] = []
    try:
        for line, row in read_headed(table, COLUMNS):
            place = place_of(table, line)
            try:
                film, missing = _film(data, folder, row, place)
            except (ValueError, LeadsOutside) as exc:
                findings.append(malformed(FOLDER, place, exc, row.get("image")))
                continue
            films.append(film)
            findings += [
                Finding(Kind.MASK_MISSING, film.source, film.split, film.name, place, outline)
                for outline in missing
            ]
    except ValueError as exc:
        findings.append(malformed(FOLDER, table.name, exc))
    return Listing(tuple(films), tuple(findings), tuple(images_under(data, folder / "images")))


def _film(data: Path, folder: Path, row: Mapping[str, str], place: str) -> tuple[Film, list[str]]:
    """Return the film and the outlines it lacks; a film with none was meant to have none."""
    if not row["image"]:
        raise ValueError("the row names no image")
    points = no_points()
    for i, name in zip(CALLIPERS, CALLIPER_COLUMNS, strict=True):
        points[i] = tuple(number(row[f"{name}_{axis}"], f"{name}_{axis}") for axis in "xy")
    index = number(row.get("ctr", ""), "ctr")
    masks = [inside(data, folder / "masks" / outline, row["image"]) for outline in OUTLINE_FOLDERS]
    missing = [
        outline for outline, mask in zip(OUTLINE_FOLDERS, masks, strict=True) if not mask.is_file()
    ]
    film = Film(
        path=inside(data, folder / "images", row["image"]),
        name=row["image"],
        source=row["source"],
        category=row["source"],
        split=known_split(row["split"]),
        points=points,
        place=place,
        masks=None if missing else tuple(masks),
        index=None if math.isnan(index) else index,
    )
    return film, missing if len(missing) < len(masks) else []
