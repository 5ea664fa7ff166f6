"""The original work's layout: folders of images by category, and a table without a heading.

A row is an index, x1 y1 ... x15 y15 in pixels of the image, and the image's name. Images are
``CATEGORY/NAME.png`` or ``CATEGORY/images/NAME.png``, under the data folder or one folder of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radiograph.landmarks import ANATOMICAL
from training.dataset import cardiothoracic, landmarks15
from training.dataset.findings import Finding, Kind
from training.dataset.radiographs import (
    IMAGE_SUFFIXES,
    AnnotatedRadiograph,
    Listing,
    absent_points,
    images_under,
    is_inside,
    line_name,
    path_inside,
)
from training.dataset.splits import assign_splits
from training.dataset.table_listing import malformed
from training.dataset.tables import number, read_rows
from training.errors import DataMissing, LeadsOutside

SOURCE = "original"
FIELDS = 2 + 2 * len(ANATOMICAL)
#: Folders inside a category: images; outlines of the same names are beside it.
IMAGES_FOLDER = "images"
#: Folders of other data sets, which are not categories.
_OTHERS = frozenset({landmarks15.FOLDER, cardiothoracic.FOLDER})


def list_radiographs(data: Path) -> Listing | None:
    """List the data set under ``data``; None if it does not exist.

    Raises DataMissing if several tables match.
    """
    tables = [table for table in _tables(data) if is_inside(data, table) and _is_ours(table)]
    if not tables:
        return None
    if len(tables) > 1:
        names = ", ".join(table.relative_to(data).as_posix() for table in tables)
        raise DataMissing(f"several tables of coordinates in {data}: {names}. Keep one there.")
    [table] = tables
    by_name: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for category, image in _images(data):
        by_name[image.stem].append((category, image))
    radiographs: list[AnnotatedRadiograph] = []
    findings: list[Finding] = []
    try:
        for line, fields in read_rows(table):
            row = _radiograph(data, fields, line_name(table, line), by_name)
            (radiographs if isinstance(row, AnnotatedRadiograph) else findings).append(row)  # type: ignore[arg-type]
    except ValueError as exc:
        findings.append(malformed(SOURCE, table.name, exc))
    images = tuple(image for found in by_name.values() for _, image in found)
    splits = assign_splits([(radiograph.category, radiograph.path) for radiograph in radiographs])
    radiographs = [
        replace(radiograph, split=split)
        for radiograph, split in zip(radiographs, splits, strict=True)
    ]
    return Listing(tuple(radiographs), tuple(findings), images)


def _radiograph(
    data: Path,
    fields: Sequence[str],
    place: str,
    by_name: Mapping[str, Sequence[tuple[str, Path]]],
) -> AnnotatedRadiograph | Finding:
    name = fields[-1].strip()
    try:
        values = _coordinates(fields)
    except ValueError as exc:
        return malformed(SOURCE, place, exc, name)
    known = Path(name).suffix.lower() in IMAGE_SUFFIXES
    found = by_name.get(Path(name).stem if known else name, ())
    if len(found) != 1:
        kind = Kind.IMAGE_AMBIGUOUS if found else Kind.IMAGE_MISSING
        detail = ", ".join(f"{category}/{image.name}" for category, image in found)
        return Finding(kind, SOURCE, None, name, place, detail or "in no category's folder")
    [(category, image)] = found
    try:
        path_inside(data, image)
    except LeadsOutside as exc:
        return malformed(SOURCE, place, exc, name)
    points = absent_points()
    points[list(ANATOMICAL)] = [values[i : i + 2] for i in range(0, len(values), 2)]
    return AnnotatedRadiograph(
        path=image,
        name=image.name,
        source=SOURCE,
        category=category,
        split="",
        points=points,
        place=place,
    )


def _coordinates(fields: Sequence[str]) -> list[float]:
    """Return x1 y1 ... x15 y15 of a row. Raises ValueError."""
    if len(fields) != FIELDS:
        raise ValueError(f"{len(fields)} fields where an index, 30 numbers and a name make 32")
    return [number(text, f"{'xy'[i % 2]}{i // 2 + 1}") for i, text in enumerate(fields[1:-1])]


def _tables(data: Path) -> Iterator[Path]:
    for folder in (data, *_folders(data, data)):
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")


def _is_ours(table: Path) -> bool:
    """Return whether the first row of a table is an index, 30 numbers and a name."""
    try:
        _, fields = next(read_rows(table))
        for text in fields[1:-1]:
            number(text, "")
    except (StopIteration, ValueError, OSError):
        return False
    return len(fields) == FIELDS


def _images(data: Path) -> Iterator[tuple[str, Path]]:
    """Yield each image with its category, the folder it belongs to."""
    for outer in _folders(data, data):
        for category in (outer, *_folders(data, outer)):
            if category.name == IMAGES_FOLDER or _is_outlines(category):
                continue
            for folder in (category, category / IMAGES_FOLDER):
                for image in images_under(data, folder):
                    yield category.name, image


def _is_outlines(folder: Path) -> bool:
    """Return whether a folder contains outlines, which have the names of the images."""
    return folder.name.lower() in {"mask", "masks"}


def _folders(data: Path, folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if is_inside(data, path)
        and path.is_dir()
        and not path.name.startswith(".")
        and path.name not in _OTHERS
    )
