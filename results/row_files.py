"""Rows in a CSV, Parquet, JSON or FHIR file, written atomically through a temporary file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    FHIR = "fhir"


#: Endings of file names that say something else than the name of their form.
ENDINGS = {"ndjson": FileForm.FHIR}


def write_resources(resources: Iterable[Mapping[str, object]], path: Path) -> int:
    """Write FHIR resources as NDJSON, a resource a line, as FHIR's bulk import takes them.

    Return how many. A broken export leaves no file.
    """
    count = 0
    with draft(path) as half, half.open("w", encoding="utf-8", newline="") as file:
        for resource in resources:
            file.write(json.dumps(resource, allow_nan=False) + "\n")
            count += 1
    return count


def form_of(path: Path) -> FileForm | None:
    """Return the form that a file's ending names; None: it names none."""
    ending = path.suffix.removeprefix(".").lower()
    try:
        return ENDINGS.get(ending) or FileForm(ending)
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
