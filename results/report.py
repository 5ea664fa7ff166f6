"""The report of a batch: a folder with results.csv, failures.csv and sheet.png."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from db.database import Database
from db.errors import BatchUnknown
from db.outputs import is_output
from db.query.results import file_outcomes, find_results
from db.records import FileOutcome, ResultFilter
from db.states import JobState
from results.audited_reads import Reading, audited
from results.columns import COLUMNS, OUTCOME_COLUMNS, outcome_row, result_row
from results.errors import PlaceUnusable
from results.noted_outputs import log_unnoted, noted_outputs
from results.row_files import FileForm, write_rows
from results.sheet import PictureSource, save_sheet
from scheduler.settings import Settings

#: Pictures on the sheet.
SHEET_PICTURES = 12
#: Files of a report.
REPORT_FILES = ("results.csv", "failures.csv", "sheet.png")
#: The morning report in the same folder, if it is asked for.
PAGE_FILE = "report.html"
#: Longest name of a report folder in bytes, without its digest; file systems allow 255.
FOLDER_BYTES = 160


@dataclass(frozen=True, slots=True)
class Report:
    """Paths of the files of a report. ``sheet`` is None if nothing was measured."""

    results: Path
    failures: Path
    sheet: Path | None


def check_report(database: Database, batch: str, folder: Path, *, page: bool = False) -> None:
    """Refuse to replace files other than an older report of the batch.

    ``page``: with the morning report. Raises PlaceUnusable.
    """
    names = (*REPORT_FILES, PAGE_FILE) if page else REPORT_FILES
    for path in (folder / name for name in names):
        if os.path.lexists(path) and not is_output(database, path, batch):
            raise PlaceUnusable(
                f"{path} exists and is not an older report of this batch; use --overwrite to"
                " replace it"
            )


def report_folder(settings: Settings, batch: str) -> Path:
    """Return the default folder of a batch's report.

    It is unique for any batch name, even on case-insensitive file systems.
    """
    return settings.state / "reports" / folder_name(batch)


def former_report_folder(settings: Settings, batch: str) -> Path:
    """Return the folder of a batch's report in earlier versions; often the same one."""
    name = batch.replace("/", "_")
    if name != batch or name.startswith(("_", ".")) or not name:
        name = f"_{name}-{hashlib.sha256(os.fsencode(batch)).hexdigest()[:8]}"
    return settings.state / "reports" / name


def folder_name(batch: str) -> str:
    """Return a valid name for a batch's report folder, different from every other batch's."""
    name = "".join(each if each.isprintable() and each != "/" else "_" for each in batch)
    name = os.fsencode(name)[:FOLDER_BYTES].decode(errors="ignore")
    one_case = name == unicodedata.normalize("NFC", name.casefold())
    ends = name.startswith(("_", ".", " ")) or name.endswith((".", " "))
    if name == batch and name and not ends and one_case:
        return name
    # Another batch may have the converted name.
    return f"_{name.strip()}-{hashlib.sha256(os.fsencode(batch)).hexdigest()[:8]}"


def write_report(
    database: Database,
    batch: str,
    settings: Settings,
    folder: Path,
    pictures: PictureSource,
    *,
    tell: Callable[[str], None] = log_unnoted,
) -> Report:
    """Write the report of one batch, replacing an older one.

    ``pictures``: reads the radiographs of the sheet again; ``tell`` is called with a message if an
    audit entry or a record cannot be written. Raises BatchUnknown, ReadUnaudited, PlaceUnusable.
    """
    with audited(database, settings, "report", batch=batch, pictures=True, tell=tell) as reading:
        files = [folder / name for name in REPORT_FILES]
        try:
            with noted_outputs(database, files, of_batch=batch, tell=tell) as written:
                return _write(database, batch, folder, pictures, reading=reading, written=written)
        except BatchUnknown:
            if folder == report_folder(settings, batch):
                with suppress(OSError):  # it contains other files
                    folder.rmdir()
            raise


def _write(
    database: Database,
    batch: str,
    folder: Path,
    pictures: PictureSource,
    *,
    reading: Reading,
    written: list[Path],
) -> Report:
    found = map(result_row, find_results(database, ResultFilter(batch=batch)))
    results_name, failures_name, sheet_name = REPORT_FILES
    results = folder / results_name
    names = [column.name for column in COLUMNS]
    write_rows(reading.shown(found), names, results, FileForm.CSV)
    written.append(results)
    failures = folder / failures_name
    unmeasured = map(outcome_row, not_measured(database, batch))
    write_rows(reading.shown(unmeasured), OUTCOME_COLUMNS, failures, FileForm.CSV)
    written.append(failures)
    sheet = folder / sheet_name
    drawn = save_sheet(
        database, batch, sheet, pictures=pictures, paths=reading.paths, most=SHEET_PICTURES
    )
    if drawn:
        written.append(sheet)
    return Report(results, failures, sheet if drawn else None)


def not_measured(database: Database, batch: str) -> Iterator[FileOutcome]:
    """Yield the files of a batch without a result of their own, including duplicates."""
    for outcome in file_outcomes(database, batch):
        if outcome.duplicate or outcome.state is not JobState.MEASURED:
            yield outcome
