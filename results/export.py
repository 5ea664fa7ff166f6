"""An export: results in a file of the operator's, audited, and noted for `thoraq forget`."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from db.database import Database
from db.query.order import Order
from db.query.results import find_results
from db.records import Result, ResultFilter
from results.audited_reads import Reading, audited, filter_names
from results.columns import COLUMNS, result_row
from results.noted_outputs import log_unnoted, note_export
from results.objects.findings import Findings
from results.objects.observation import observation
from results.row_files import FileForm, write_resources, write_rows
from scheduler.rights import is_stream
from scheduler.settings import Settings


def export_results(
    database: Database,
    settings: Settings,
    wanted: ResultFilter,
    out: Path,
    form: FileForm,
    *,
    columns: Sequence[str] = (),
    order: Order | None = None,
    tell: Callable[[str], None] = log_unnoted,
) -> int:
    """Write results to a file, and return how many.

    ``columns``: in this order, every one where empty; ``tell``: is told what cannot be noted and
    need not be. Raises ReadUnaudited, DatabaseError, OSError.
    """
    ids = array("q")
    filters = filter_names(wanted)
    with audited(
        database, settings, "export", batch=wanted.batch, filters=filters, tell=tell
    ) as reading:
        found = _noted(find_results(database, wanted, order), ids)
        count = _write(found, reading, columns, out, form)
    if not is_stream(out):
        note_export(database, out, ids, tell=tell)
    return count


def _write(
    found: Iterable[Result], reading: Reading, columns: Sequence[str], out: Path, form: FileForm
) -> int:
    """Write the file; return the number of results."""
    if form is FileForm.FHIR:
        resources = (observation(Findings.of(result)) for result in reading.records(found))
        return write_resources(resources, out)
    rows = reading.shown(map(result_row, found))
    chosen = ({name: row[name] for name in columns} for row in rows) if columns else rows
    return write_rows(chosen, columns or [column.name for column in COLUMNS], out, form)


def _noted(results: Iterable[Result], ids: array[int]) -> Iterator[Result]:
    """Yield results, and collect the ids of their radiographs."""
    for result in results:
        ids.append(result.radiograph_id)
        yield result
