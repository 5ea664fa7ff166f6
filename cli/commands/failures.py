"""`thoraq failures`."""

from __future__ import annotations

from datetime import datetime
from itertools import chain

import click

from cli.listing_options import MORE, count_option, listing_options, print_count
from cli.options import Count, Moment, codes_option, either_batch, settings_option
from cli.output.cells import terminal_cells
from cli.output.codes import check_codes
from cli.output.ledger import code_lines
from cli.output.noted import audited
from cli.output.printing import Form, form_options, print_rows, say
from db.query.failure_records import FAILURE_STATES, FailureFilter
from db.query.failures import SORTABLE, count_failures, find_failures
from db.states import JobState
from results.codes import known_codes
from results.columns import failure_row
from results.listing import Listing
from results.shown_rows import shown_failure
from scheduler.archive import open_database
from scheduler.names import named_path
from scheduler.settings import Settings

#: Rows of a table without --limit; JSON and CSV contain all.
TABLE_ROWS = 50
#: Columns of the table.
IN_TABLE = ("ended_at", "batch", "state", "code", "attempts", "path", "detail")


@click.command()
@either_batch
@codes_option()
@click.option(
    "--path", metavar="TEXT", help="part of the path, or the path before the file was moved"
)
@click.option("--since", type=Moment(), help="ended at or after this ISO date or time")
@click.option("--until", type=Moment(), help="ended before this ISO date or time")
@click.option(
    "--failed/--set-aside", default=None, help="only failed files, or only files set aside"
)
@click.option("--limit", type=Count(min=1), help="maximum number of files, the newest")
@listing_options(tuple(SORTABLE), tuple(SORTABLE))
@count_option
@form_options
@settings_option
def failures(
    batch: str | None,
    *,
    codes: tuple[str, ...],
    path: str | None,
    since: datetime | None,
    until: datetime | None,
    failed: bool | None,
    limit: int | None,
    listing: Listing,
    only_count: bool,
    form: Form,
    settings: Settings,
) -> None:
    """List files that failed or were set aside, and why, newest first.

    Lists one BATCH or all batches, including files refused at intake. A table shows the newest 50
    unless --limit is given, followed by the count and remedy of each code; --json and --csv
    contain every file. Duplicates of a failed file are listed too, and marked in JSON and CSV.

    \b
    Example: the files lost to an unmounted share, then one file that a watch moved
      thoraq failures archive-3f2a91bc --code file-unavailable --csv
      thoraq failures --path /srv/inbox/p0031.dcm
    """
    database = open_database(settings)
    check_codes(database, codes)
    states: tuple[JobState, ...] = FAILURE_STATES
    if failed is not None:
        states = (JobState.FAILED if failed else JobState.SET_ASIDE,)
    table = form is Form.TABLE
    wanted = FailureFilter(
        batch=batch,
        states=states,
        codes=codes or None,
        path=None if path is None else named_path(path),
        since=since,
        until=until,
        limit=TABLE_ROWS if table and limit is None else limit,
    )
    if only_count:
        every = sum(count_failures(database, wanted).values())
        print_count(every if limit is None else min(every, limit), form)
        return
    asked = {"codes": codes, "path": path, "since": since, "until": until, "failed": failed}
    filters = [name for name, value in asked.items() if value not in {None, ()}]
    with audited(database, settings, "failures", batch=wanted.batch, filters=filters) as reading:
        found = (failure_row(each) for each in find_failures(database, wanted, listing.order))
        first = next(found, None)
        if first is None:
            say("no matching file failed or was set aside", err=True)
        rows = reading.shown(chain([] if first is None else [first], found))
        if not table:
            print_rows(listing.rows(rows), form)
            return
        known = known_codes()
        shown = [shown_failure(row, known) for row in rows]
        print_rows(shown, form, listing.shown(IN_TABLE), more=MORE)
    if shown:
        which = "newest" if listing.order is None else "first"
        print_remedies(count_failures(database, wanted), len(shown), which)


def print_remedies(counts: dict[str, int], shown: int, which: str) -> None:
    """Print the remedy of each code, and how many rows the table omits."""
    say()
    say("remedies by code", bold=True)
    for line in code_lines(counts, terminal_cells()):
        say(line)
    if (every := sum(counts.values())) > shown:
        say(f"the {which} {shown} of {every}; use --limit N or --csv for more", err=True)
