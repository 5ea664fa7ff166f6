"""`thoraq export`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.listing_options import listing_options
from cli.options import Paths, filter_options, settings_option
from cli.out_option import out_option
from cli.output.noted import export_results
from cli.output.printing import print_table, say
from db.query.order import SORTABLE
from db.records import ResultFilter
from results.columns import COLUMNS, dictionary_rows
from results.deidentified import LEFT_OUT
from results.listing import Listing
from results.row_files import FileForm, form_of
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
@click.option(
    "--deidentified",
    is_flag=True,
    help="leave out numbers, UIDs, dates, paths, digests, hosts and texts of the header",
)
@settings_option
@filter_options
@listing_options([column.name for column in COLUMNS], tuple(SORTABLE))
def export(
    form: FileForm | None,
    out: Path | None,
    *,
    dictionary: bool,
    deidentified: bool,
    settings: Settings,
    wanted: ResultFilter,
    listing: Listing,
) -> None:
    """Export measurements to a CSV, Parquet, JSON or FHIR file, one row per measurement.

    The file is written completely or not at all. Coordinates are in pixels of the source image.
    FHIR is NDJSON: an R4 Observation per line, with the identifiers of the database.

    \b
    Example: all measurements of a batch, then the meaning of the columns
      thoraq export --batch archive-3f2a91bc --out results.parquet
      thoraq export --dictionary
      thoraq export --since 2026-03-01 --out observations.ndjson
    """
    if dictionary:
        print_table(dictionary_rows())
        return
    if out is None:
        raise click.UsageError("--out is missing; for example --out results.csv")
    form = form or form_of(out)
    if form is None:
        raise click.UsageError(f"{out.name}: say --format csv, parquet, json or fhir")
    if form is FileForm.PARQUET and is_stream(out):
        raise click.UsageError("Parquet cannot be streamed: use --format csv, json or fhir")
    if form is FileForm.FHIR and listing.columns:
        raise click.UsageError("an Observation has no columns: leave out --columns")
    if deidentified and (named := LEFT_OUT.intersection(listing.columns)):
        raise click.UsageError(f"--deidentified leaves out {', '.join(sorted(named))}")
    count = export_results(
        open_database(settings),
        settings,
        wanted,
        out,
        form,
        columns=listing.columns,
        without_identity=deidentified,
        order=listing.order,
    )
    say(f"{count} measurements in {out}", err=is_stream(out))
