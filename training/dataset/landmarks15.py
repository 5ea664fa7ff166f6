"""Layout ``landmarks15``: ``images/`` and ``landmarks.csv`` with category, split and 15 points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from radiograph.landmarks import ANATOMICAL
from training.dataset.findings import Finding, Kind
from training.dataset.radiographs import (
    SPLITS,
    AnnotatedRadiograph,
    Listing,
    absent_points,
    images_under,
    line_name,
    path_inside,
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
            try:
                radiographs.append(_radiograph(data, folder, row, line_name(table, line)))
            except (ValueError, LeadsOutside) as exc:
                findings.append(malformed(FOLDER, line_name(table, line), exc, row.get("image")))
    except ValueError as exc:
        findings.append(malformed(FOLDER, table.name, exc))
    return Listing(
        tuple(radiographs), tuple(findings), tuple(images_under(data, folder / "images"))
    )


def malformed(
    source: str, place: str, exc: ValueError | LeadsOutside, image: str | None = None
) -> Finding:
    """Return the finding of an unusable row."""
    kind = Kind.IMAGE_OUTSIDE if isinstance(exc, LeadsOutside) else Kind.ROW_MALFORMED
    return Finding(kind, source, None, image, place, str(exc))


def known_split(name: str) -> str:
    """Return the split of this name. Raises ValueError for an unknown one."""
    if name not in SPLITS:
        raise ValueError(f"the split is {name!r}, not one of {', '.join(SPLITS)}")
    return name


def _radiograph(
    data: Path, folder: Path, row: Mapping[str, str], place: str
) -> AnnotatedRadiograph:
    if not row["image"]:
        raise ValueError("the row names no image")
    points = absent_points()
    for i in ANATOMICAL:
        points[i] = number(row[f"x{i + 1}"], f"x{i + 1}"), number(row[f"y{i + 1}"], f"y{i + 1}")
    return AnnotatedRadiograph(
        path=path_inside(data, folder / "images", row["image"]),
        name=row["image"],
        source=FOLDER,
        category=row["category"],
        split=known_split(row["split"]),
        points=points,
        place=place,
    )
