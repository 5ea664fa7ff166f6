"""Layout ``landmarks15``: ``images/`` and ``landmarks.csv`` with category, split and 15 points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from radiograph.landmarks import ANATOMICAL
from training.dataset.findings import Finding, Kind
from training.dataset.radiographs import (
    SPLITS,
    Film,
    Listing,
    images_under,
    inside,
    no_points,
    place_of,
)
from training.dataset.tables import number, read_headed
from training.errors import LeadsOutside

FOLDER = "landmarks15"
TABLE = "landmarks.csv"
COLUMNS = (
    "image",
    "category",
    "split",
    *(f"{axis}{i + 1}" for i in ANATOMICAL for axis in "xy"),
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
            try:
                films.append(_film(data, folder, row, place_of(table, line)))
            except (ValueError, LeadsOutside) as exc:
                findings.append(malformed(FOLDER, place_of(table, line), exc, row.get("image")))
    except ValueError as exc:
        findings.append(malformed(FOLDER, table.name, exc))
    return Listing(tuple(films), tuple(findings), tuple(images_under(data, folder / "images")))


def malformed(
    source: str, place: str, exc: ValueError | LeadsOutside, image: str | None = None
) -> Finding:
    """Say that a row cannot be used."""
    kind = Kind.IMAGE_OUTSIDE if isinstance(exc, LeadsOutside) else Kind.ROW_MALFORMED
    return Finding(kind, source, None, image, place, str(exc))


def known_split(name: str) -> str:
    """Return a split that there is. Raises ValueError for another."""
    if name not in SPLITS:
        raise ValueError(f"the split is {name!r}, not one of {', '.join(SPLITS)}")
    return name


def _film(data: Path, folder: Path, row: Mapping[str, str], place: str) -> Film:
    if not row["image"]:
        raise ValueError("the row names no image")
    points = no_points()
    for i in ANATOMICAL:
        points[i] = number(row[f"x{i + 1}"], f"x{i + 1}"), number(row[f"y{i + 1}"], f"y{i + 1}")
    return Film(
        path=inside(data, folder / "images", row["image"]),
        name=row["image"],
        source=FOLDER,
        category=row["category"],
        split=known_split(row["split"]),
        points=points,
        place=place,
    )
