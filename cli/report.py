"""What a batch leaves behind: results.csv, failures.csv and a sheet of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.columns import COLUMNS, OUTCOME_COLUMNS, outcome_row, result_row
from cli.pictures import save_sheet
from cli.tables import FileForm, write_rows
from db.database import Database
from db.records import FileOutcome, ResultFilter
from db.results import file_outcomes, find_results
from db.states import JobState
from scheduler.settings import Settings

#: Pictures on the sheet.
SHEET_PICTURES = 12


@dataclass(frozen=True, slots=True)
class Report:
    """Where the files of a report lie. ``sheet`` is None where nothing was measured."""

    results: Path
    failures: Path
    sheet: Path | None


def write_report(database: Database, batch: str, settings: Settings, folder: Path) -> Report:
    """Write the report of one batch over an older one. Raises BatchUnknown."""
    found = find_results(database, ResultFilter(batch=batch))
    results = folder / "results.csv"
    names = [column.name for column in COLUMNS]
    write_rows((result_row(result) for result in found), names, results, FileForm.CSV)
    failures = folder / "failures.csv"
    rows = (outcome_row(outcome) for outcome in not_measured(database, batch))
    write_rows(rows, OUTCOME_COLUMNS, failures, FileForm.CSV)
    sheet = save_sheet(database, batch, settings, folder / "sheet.png", SHEET_PICTURES)
    return Report(results, failures, sheet)


def not_measured(database: Database, batch: str) -> Iterator[FileOutcome]:
    """Return the files of a batch that were set aside, failed, cancelled or seen before."""
    for outcome in file_outcomes(database, batch):
        if outcome.duplicate or outcome.state is not JobState.MEASURED:
            yield outcome
