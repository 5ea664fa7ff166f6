"""Writing rows to a CSV, Parquet or JSON file, atomically through a temporary file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO

from radiograph.csv_lines import CsvLines
from results.arrow import arrow_groups, arrow_schema
from results.rows import Row
from scheduler.rights import draft


class FileForm(StrEnum):
    """Format of a file of rows."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


def form_of(path: Path) -> FileForm | None:
    """Return the form that a file's ending names; None: it names none."""
    try:
        return FileForm(path.suffix.removeprefix(".").lower())
    except ValueError:
        return None


def write_rows(rows: Iterable[Row], columns: Sequence[str], path: Path, form: FileForm) -> int:
    """Write rows as a stream; return how many. A failed export leaves no file."""
    write = {FileForm.CSV: write_csv, FileForm.JSON: write_json, FileForm.PARQUET: write_parquet}
    with draft(path) as half:
        return write[form](rows, columns, half)


@contextmanager
def text_file(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 file that keeps the bytes of file names."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file


def write_csv(rows: Iterable[Row], columns: Sequence[str], path: Path) -> int:
    """Write CSV with a heading, even without rows."""
    count = 0
    with text_file(path) as file:
        lines = CsvLines(file, columns)
        lines.heading()
        for row in rows:
            lines.row(row)
            count += 1
    return count


def write_json(rows: Iterable[Row], columns: Sequence[str], path: Path) -> int:
    """Write a JSON array, one row per line."""
    del columns  # rows contain their names
    count = 0
    with text_file(path) as file:
        for row in rows:
            file.write(",\n" if count else "[\n")
            file.write(json.dumps(row))
            count += 1
        file.write("\n]\n" if count else "[]\n")
    return count


def write_parquet(rows: Iterable[Row], columns: Sequence[str], path: Path) -> int:
    """Write Parquet; dates and times have their own types, texts are UTF-8."""
    # Imported late: 40 MB that only this format needs.
    import pyarrow.parquet as pq  # noqa: PLC0415

    count = 0
    with pq.ParquetWriter(path, arrow_schema(columns), compression="zstd") as writer:
        for group in arrow_groups(rows, columns):
            writer.write_table(group)
            count += len(group)
    return count
