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
from results.deidentified import LEFT_OUT, deidentified
from results.noted_outputs import log_unnoted, note_export
from results.objects.findings import Findings
from results.objects.identity import Identity, IdentityLevel
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
    without_identity: bool = False,
    tell: Callable[[str], None] = log_unnoted,
) -> int:
    """Write results to a file, and return how many.

    ``columns``: in this order, every one where empty; ``without_identity``: what identifies is left
    out; ``tell``: is told what cannot be noted and need not be.
    Raises ReadUnaudited, KeyUnusable, DatabaseError, OSError.
    """
    ids = array("q")
    filters = filter_names(wanted)
    with audited(
        database, settings, "export", batch=wanted.batch, filters=filters, tell=tell
    ) as reading:
        found = _noted(find_results(database, wanted, order), ids)
        if without_identity:
            count = _write_deidentified(found, reading, settings, columns, out=out, form=form)
        else:
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


def _write_deidentified(
    found: Iterable[Result],
    reading: Reading,
    settings: Settings,
    columns: Sequence[str],
    *,
    out: Path,
    form: FileForm,
) -> int:
    """Write the file without identity; return the number of results."""
    if form is FileForm.FHIR:
        nobody = Identity.of(IdentityLevel.NONE, settings)
        resources = (observation(Findings.of(each), nobody) for each in reading.counted(found))
        # `issued` is often the day of the study.
        undated = ({k: v for k, v in each.items() if k != "issued"} for each in resources)
        return write_resources(undated, out)
    names = columns or [each.name for each in COLUMNS if each.name not in LEFT_OUT]
    rows = (deidentified(result_row(each)) for each in reading.counted(found))
    return write_rows(({name: row[name] for name in names} for row in rows), names, out, form)


def _noted(results: Iterable[Result], ids: array[int]) -> Iterator[Result]:
    """Yield results, and collect the ids of their radiographs."""
    for result in results:
        ids.append(result.radiograph_id)
        yield result
