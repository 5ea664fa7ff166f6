"""`thoraq results`."""

from __future__ import annotations

from dataclasses import replace

import click

from cli.columns import IN_TABLE, result_row
from cli.judgements import reason_lines, say_outdated
from cli.options import filter_options, settings_option
from cli.printing import Form, form_options, print_rows, say
from cli.reading import audited, filter_names
from db.database import Database
from db.records import ResultFilter
from db.results import find_results
from db.status import judged_results
from scheduler.settings import Settings

#: Rows of a table unless --limit says otherwise; JSON and CSV hold all.
TABLE_ROWS = 50


@click.command()
@settings_option
@filter_options
@form_options
def results(form: Form, settings: Settings, wanted: ResultFilter) -> None:
    """List measurements.

    A table shows the first 50 unless --limit is given; --json and --csv hold every result and
    every column.

    \b
    Example: the ten first enlarged hearts of a batch, then one patient over time
      thoraq results --batch archive-3f2a91bc --enlarged --limit 10
      thoraq results --patient 12345 --csv
    """
    database = Database.open(settings.database)
    cut = form is Form.TABLE and wanted.limit is None
    asked = replace(wanted, limit=TABLE_ROWS + 1) if cut else wanted
    with audited(
        database, settings, "results", batch=wanted.batch, filters=filter_names(wanted)
    ) as reading:
        rows = (result_row(result) for result in find_results(database, asked))
        if form is not Form.TABLE:
            print_rows(reading.shown(rows), form)
            return
        first = list(rows)
        listed = first[:TABLE_ROWS] if cut else first
        print_rows(reading.shown(listed), form, IN_TABLE)
    judged = judged_results(database, wanted.batch)
    if not first:
        say("no result; `thoraq status` says what was measured", err=True)
        if wanted.enlarged is not None:
            for line in reason_lines(judged, settings.ict_thresholds):
                say(line, err=True)
    say_outdated(judged, settings.ict_thresholds, wanted.batch)
    if cut and len(first) > TABLE_ROWS:
        say(f"the first {TABLE_ROWS}; --limit N or --csv shows more", err=True)
