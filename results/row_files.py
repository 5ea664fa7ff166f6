"""Rows in a file: CSV, Parquet, JSON or FHIR, written beside its place and then moved there."""

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
    """How a file holds rows."""

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


def write_rows(rows: Iterable[Row], columns: Sequence[str], path: Path, form: FileForm) -> int:
    """Write rows, never holding them all; return how many. A broken export leaves no file."""
    write = {FileForm.CSV: write_csv, FileForm.JSON: write_json, FileForm.PARQUET: write_parquet}
    with draft(path) as half:
        return write[form](rows, columns, half)


@contextmanager
def text_file(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 file in which file names keep the bytes they have."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file


def write_csv(rows: Iterable[Row], columns: Sequence[str], path: Path) -> int:
    """Write CSV with a heading, also without rows."""
    count = 0
    with text_file(path) as file:
        lines = CsvLines(file, columns)
        lines.heading()
        for row in rows:
            lines.row(row)
            count += 1
    return count


def write_json(rows: Iterable[Row], columns: Sequence[str], path: Path) -> int:
    """Write a JSON array, a row a line."""
    del columns  # each row names its own
    count = 0
    with text_file(path) as file:
        for row in rows:
            file.write(",\n" if count else "[\n")
            file.write(json.dumps(row))
            count += 1
        file.write("\n]\n" if count else "[]\n")
    return count


def write_parquet(rows: Iterable[Row], columns: Sequence[str], path: Path) -> int:
    """Write Parquet; dates and times are of their own types, texts are UTF-8."""
    # 40 MB of library that only this form needs.
    import pyarrow.parquet as pq  # noqa: PLC0415

    count = 0
    with pq.ParquetWriter(path, arrow_schema(columns), compression="zstd") as writer:
        for group in arrow_groups(rows, columns):
            writer.write_table(group)
            count += len(group)
    return count
