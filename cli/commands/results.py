"""`thoraq results`."""

from __future__ import annotations

from dataclasses import replace

import click

from cli.listing_options import MORE, count_option, listing_options, print_count
from cli.options import filter_options, settings_option
from cli.output.judgements import say_gaps, say_outdated
from cli.output.noted import audited
from cli.output.printing import Form, form_options, print_rows, say
from db.gaps import gaps
from db.query.order import SORTABLE
from db.query.results import count_results, find_results
from db.query.status import judged_results
from db.records import ResultFilter
from results.audited_reads import filter_names
from results.columns import COLUMNS, IN_TABLE, result_row
from results.judgements import reason_lines
from results.listing import Listing
from results.shown_rows import shown_row
from scheduler.archive import open_database
from scheduler.settings import Settings

#: Rows of a table without --limit; JSON and CSV contain all.
TABLE_ROWS = 50


@click.command()
@settings_option
@filter_options
@listing_options([column.name for column in COLUMNS], tuple(SORTABLE))
@count_option
@form_options
def results(
    *,
    form: Form,
    settings: Settings,
    wanted: ResultFilter,
    listing: Listing,
    only_count: bool,
) -> None:
    """List measurements.

    A table shows the first 50 unless --limit is given; --json and --csv contain every result and
    every column. With --limit, sorting by ict, measured_at, study_date, radiograph or measurement
    uses an index; other columns sort all matching results first.

    \b
    Example: the ten highest indices of a batch, then one patient over time
      thoraq results --batch archive-3f2a91bc --sort ict:desc --limit 10
      thoraq results --patient 12345 --csv
    """
    database = open_database(settings)
    if only_count:
        print_count(count_results(database, wanted), form)
        return
    cut = form is Form.TABLE and wanted.limit is None
    asked = replace(wanted, limit=TABLE_ROWS + 1) if cut else wanted
    with audited(
        database, settings, "results", batch=wanted.batch, filters=filter_names(wanted)
    ) as reading:
        as_row = shown_row if form is Form.TABLE else result_row
        rows = (as_row(result) for result in find_results(database, asked, listing.order))
        if form is not Form.TABLE:
            print_rows(listing.rows(reading.shown(rows)), form)
            return
        first = list(rows)
        listed = first[:TABLE_ROWS] if cut else first
        print_rows(reading.shown(listed), form, listing.shown(IN_TABLE), more=MORE)
    judged = judged_results(database, wanted.batch)
    if not first:
        say("no results; `thoraq status` shows what was measured", err=True)
        if wanted.enlarged is not None:
            for line in reason_lines(judged, settings.ict_thresholds):
                say(line, err=True)
    say_outdated(judged, settings.ict_thresholds, wanted.batch)
    say_gaps(gaps(database))
    if cut and len(first) > TABLE_ROWS:
        say(f"the first {TABLE_ROWS}; use --limit N or --csv for more", err=True)
