"""`thoraq export`."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from cli.listing_options import Listing, listing_options
from cli.options import Paths, filter_options, settings_option
from cli.out_option import out_option
from cli.output.noted import audited, note_export
from cli.output.printing import print_table, say
from db.query.order import SORTABLE
from db.query.results import find_results
from db.records import Result, ResultFilter
from results.columns import COLUMNS, dictionary_rows, result_row
from results.objects.findings import Findings
from results.objects.observation import observation
from results.reading import Reading, filter_names
from results.row_files import ENDINGS, FileForm, write_resources, write_rows
from scheduler.archive import open_database
from scheduler.rights import is_stream
from scheduler.settings import Settings


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(FileForm, case_sensitive=False),
    help="[default: from the ending of FILE]",
)
@out_option(Paths(dir_okay=False), "the file to write")
@click.option("--dictionary", is_flag=True, help="print what each column holds, and end")
@settings_option
@filter_options
@listing_options([column.name for column in COLUMNS], tuple(SORTABLE))
def export(
    form: FileForm | None,
    out: Path | None,
    *,
    dictionary: bool,
    settings: Settings,
    wanted: ResultFilter,
    listing: Listing,
) -> None:
    """Write measurements to a CSV, Parquet, JSON or FHIR file, a row a measurement.

    The file appears whole or not at all. Coordinates are in pixels of the source image. FHIR is
    NDJSON: an R4 Observation a line, whose identifiers are those of the database.

    \b
    Example: everything a batch measured, then what its columns mean
      thoraq export --batch archive-3f2a91bc --out results.parquet
      thoraq export --dictionary
      thoraq export --since 2026-03-01 --out observations.ndjson
    """
    if dictionary:
        print_table(dictionary_rows())
        return
    if out is None:
        raise click.UsageError("name the file: --out results.csv")
    form = form or form_of(out)
    if form is FileForm.PARQUET and is_stream(out):
        raise click.UsageError("Parquet is written into a file: say --format csv, json or fhir")
    if form is FileForm.FHIR and listing.columns:
        raise click.UsageError("an Observation has no columns: leave --columns out")
    database = open_database(settings)
    ids = array("q")
    with audited(
        database, settings, "export", batch=wanted.batch, filters=filter_names(wanted)
    ) as reading:
        found = _noted(find_results(database, wanted, listing.order), ids)
        count = _write(found, reading, listing, out, form)
    if not is_stream(out):
        note_export(database, out, ids)
    say(f"{count} measurements in {out}", err=is_stream(out))


def _write(
    found: Iterable[Result], reading: Reading, listing: Listing, out: Path, form: FileForm
) -> int:
    """Write the file; return how many measurements it holds."""
    if form is FileForm.FHIR:
        resources = (observation(Findings.of(result)) for result in reading.records(found))
        return write_resources(resources, out)
    names = listing.shown([column.name for column in COLUMNS])
    rows = listing.rows(reading.shown(map(result_row, found)))
    return write_rows(rows, names, out, form)


def _noted(results: Iterable[Result], ids: array[int]) -> Iterator[Result]:
    """Yield results and keep the ids of their radiographs."""
    for result in results:
        ids.append(result.radiograph_id)
        yield result


def form_of(path: Path) -> FileForm:
    """Return the form that a file's ending names."""
    ending = path.suffix.removeprefix(".").lower()
    try:
        return ENDINGS.get(ending) or FileForm(ending)
    except ValueError:
        raise click.UsageError(f"{path.name}: say --format csv, parquet, json or fhir") from None
