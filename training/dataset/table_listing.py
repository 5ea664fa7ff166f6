"""A data set with one table: a row for each radiograph, its image in ``images/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from training.dataset.findings import Finding, Kind
from training.dataset.radiographs import (
    SPLITS,
    AnnotatedRadiograph,
    Listing,
    images_under,
    line_name,
    path_inside,
)
from training.dataset.tables import read_headed
from training.errors import LeadsOutside

#: Reads one row, given the folder of the data set and the name of its line; returns what is wrong
#: with it too. Raises ValueError, LeadsOutside for a row that cannot be used.
ReadRow = Callable[[Path, Mapping[str, str], str], tuple[AnnotatedRadiograph, Sequence[Finding]]]


def list_table(
    data: Path, source: str, table_name: str, columns: Sequence[str], read_row: ReadRow
) -> Listing | None:
    """List the data set in the folder ``source`` of ``data``; None where it does not exist."""
    folder = data / source
    try:
        table = path_inside(data, folder, table_name)
    except LeadsOutside as exc:
        return Listing(findings=(malformed(source, table_name, exc),))
    if not table.is_file():
        return None
    radiographs: list[AnnotatedRadiograph] = []
    findings: list[Finding] = []
    try:
        for line, row in read_headed(table, columns):
            place = line_name(table, line)
            try:
                radiograph, found = read_row(folder, row, place)
            except (ValueError, LeadsOutside) as exc:
                findings.append(malformed(source, place, exc, row.get("image")))
                continue
            radiographs.append(radiograph)
            findings += found
    except ValueError as exc:
        findings.append(malformed(source, table.name, exc))
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
