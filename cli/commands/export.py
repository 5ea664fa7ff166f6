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
from results.reading import filter_names
from results.row_files import FileForm, write_rows
from scheduler.archive import open_database
from scheduler.rights import is_stream
from scheduler.settings import Settings


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(FileForm, case_sensitive=False),
    help="format of the file [default: from the extension of FILE]",
)
@out_option(Paths(dir_okay=False), "file to write")
@click.option("--dictionary", is_flag=True, help="print the meaning of each column and exit")
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
    """Export measurements to a CSV, Parquet or JSON file, one row per measurement.

    The file is written completely or not at all. Coordinates are in pixels of the source image.

    \b
    Example: all measurements of a batch, then the meaning of the columns
      thoraq export --batch archive-3f2a91bc --out results.parquet
      thoraq export --dictionary
    """
    if dictionary:
        print_table(dictionary_rows())
        return
    if out is None:
        raise click.UsageError("--out is missing; for example --out results.csv")
    form = form or form_of(out)
    if form is FileForm.PARQUET and is_stream(out):
        raise click.UsageError("Parquet cannot be streamed: use --format csv or json")
    database = open_database(settings)
    ids = array("q")
    names = listing.shown([column.name for column in COLUMNS])
    with audited(
        database, settings, "export", batch=wanted.batch, filters=filter_names(wanted)
    ) as reading:
        found = _with_ids(find_results(database, wanted, listing.order), ids)
        rows = listing.rows(reading.shown(result_row(result) for result in found))
        count = write_rows(rows, names, out, form)
    if not is_stream(out):
        note_export(database, out, ids)
    say(f"{count} measurements in {out}", err=is_stream(out))


def _with_ids(results: Iterable[Result], ids: array[int]) -> Iterator[Result]:
    """Yield results and collect the ids of their radiographs."""
    for result in results:
        ids.append(result.radiograph_id)
        yield result


def form_of(path: Path) -> FileForm:
    """Return the format for a file's extension."""
    try:
        return FileForm(path.suffix.removeprefix(".").lower())
    except ValueError:
        raise click.UsageError(f"{path.name}: use --format csv, parquet or json") from None
