"""`thoraq status`."""

from __future__ import annotations

import time

import click

from cli.listing_options import count_option, listing_options, print_count, print_listing
from cli.options import KnownBatch, settings_option
from cli.output.absences import tell
from cli.output.judgements import say_gaps, say_outdated
from cli.output.ledger import print_ledger
from cli.output.printing import Form, form_options, print_json, print_rows, say
from cli.output.progress import BatchProgress
from db.database import Database
from db.errors import DatabaseError
from db.gaps import gaps
from db.pauses import paused_queues
from db.query.status import all_statuses, batch_status
from db.query.waiting import waiting_files
from db.records import BatchStatus
from results.ledger import COLUMNS, IN_TABLE, ledger_json, status_row
from results.listing import Listing
from scheduler.archive import open_database
from scheduler.checkup.absence import rows, sentences
from scheduler.checkup.pauses import why_paused
from scheduler.database_wait import until_answered
from scheduler.settings import Settings

#: Shortest pause between two queries of a batch. Queries of a large batch are slow: the pause is
#: at least ten times the last query, but not above the longest, as a query may have timed out.
LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0


@click.command()
@click.argument("batch", type=KnownBatch(), required=False)
@click.option("--follow", is_flag=True, help="wait until every file of BATCH has ended")
@listing_options(COLUMNS, COLUMNS)
@count_option
@form_options
@settings_option
def status(
    batch: str | None,
    *,
    follow: bool,
    listing: Listing,
    only_count: bool,
    form: Form,
    settings: Settings,
) -> None:
    """Show the progress of batches, or one BATCH in full.

    Every file is counted in exactly one column; once a batch has ended, seen = measured + set
    aside + failed + duplicates. --columns, --sort and --count apply to the list of batches.

    \b
    Example:
      thoraq status
      thoraq status --sort failed:desc
      thoraq status archive-3f2a91bc --follow
    """
    if batch is not None and (listing != Listing() or only_count):
        raise click.UsageError("--columns, --sort and --count apply to the list: omit the batch")
    if follow and batch is None:
        raise click.UsageError("--follow needs the name of a batch")
    database = open_database(settings)
    if only_count:
        print_count(len(all_statuses(database)), form)
    elif batch is None:
        print_all(database, listing, form, settings)
    else:
        print_one(database, batch, form, settings, follow=follow)


def print_all(database: Database, listing: Listing, form: Form, settings: Settings) -> None:
    """Print a line per batch, pauses, absent processes, and results of other settings."""
    statuses = all_statuses(database)
    lines = settings.ict_thresholds
    print_listing([status_row(each, lines) for each in statuses], form, listing, IN_TABLE)
    if form is not Form.TABLE:
        return
    for queue in paused_queues(database):
        say(f"the {queue} queue is paused: `thoraq resume --queue {queue}`", err=True)
    say_outdated([count for each in statuses for count in each.judged], lines)
    say_gaps(gaps(database))
    if not statuses:
        say("no batches yet; `process`, `submit` and `watch` create them", err=True)
    elif waiting_files(database, statuses):
        tell(settings)


def print_one(
    database: Database, batch: str, form: Form, settings: Settings, *, follow: bool
) -> None:
    """Print one batch in full, and why it does not progress. Raises BatchUnknown."""
    found = batch_status(database, batch)
    why = why_paused(database, found.batch) if found.open else None
    if follow:
        if why:
            say(why, err=True)
        elif found.open:
            tell(settings)
        found = follow_batch(database, batch, settings)
    if form is Form.JSON:
        absent = rows(settings) if found.open and not why else []
        print_json(ledger_json(found, settings.ict_thresholds) | {"absent": absent})
    elif form is Form.CSV:
        print_rows([status_row(found, settings.ict_thresholds)], form)
    else:
        print_ledger(found, settings.ict_thresholds)
        say_gaps(gaps(database))
        if not found.open:
            return
        if why:
            say(err=True)
            say(why, err=True)
        elif absent_lines := sentences(settings):
            say(err=True)
            for line in absent_lines:
                say(line, err=True)


def follow_batch(database: Database, batch: str, settings: Settings) -> BatchStatus:
    """Show the batch until it has ended; wait for the database. Raises BatchUnknown."""
    with BatchProgress(lambda: sentences(settings)) as progress:

        def note(error: DatabaseError) -> None:
            progress.show("waiting", f"for the database [{error.code}]: see `thoraq doctor`")

        while True:
            asked_at = time.monotonic()
            found = until_answered(lambda: batch_status(database, batch), time.sleep, note)
            progress.measure(found)
            if not found.open:
                return found
            pause = max(LOOK_SECONDS, 10 * (time.monotonic() - asked_at))
            time.sleep(min(pause, LONGEST_PAUSE_SECONDS))
