"""Rows of comma-separated tables, and the numbers in them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def read_headed(table: Path, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the lines of a table with a heading, each with its number; 1 is the heading.

    A missing field is empty. Raises ValueError if the heading lacks one of ``columns``.
    """
    rows = read_rows(table)
    heading = [name.strip() for name in next(rows, (1, []))[1]]
    missing = [name for name in columns if name not in heading]
    if missing:
        raise ValueError(f"the heading lacks {', '.join(missing)}")
    for line, fields in rows:
        padded = [*fields, *[""] * (len(heading) - len(fields))]
        yield line, dict(zip(heading, padded, strict=False))


def read_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the non-empty rows of a table, with the lines they end at.

    Raises ValueError for a malformed file.
    """
    # File names may not be UTF-8; some editors write a byte order mark.
    with table.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.reader(file)
        try:
            for fields in reader:
                if any(field.strip() for field in fields):
                    yield reader.line_num, fields
        except csv.Error as exc:
            raise ValueError(f"line {reader.line_num}: {exc}") from exc


def number(text: str, name: str) -> float:
    """Return the number of a field, NaN for an empty one. Raises ValueError for anything else."""
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text.strip()[:40]!r}, which is not a number")
    return value
