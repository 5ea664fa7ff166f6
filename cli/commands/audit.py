"""`thoraq audit`."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import click

from cli.listing_options import count_option, listing_options, print_count, print_listing
from cli.options import Count, Moment, settings_option
from cli.output.printing import Form, form_options
from db.audit import Action, audit_rows
from results.audit_rows import COLUMNS, audit_row
from results.listing import Listing
from scheduler.archive import open_database
from scheduler.settings import Settings


@click.command()
@click.option("--since", type=Moment(), help="requested at or after this ISO date or time")
@click.option(
    "--limit", type=Count(min=1), help="maximum number of entries: the newest, or first of --sort"
)
@click.option(
    "--action",
    "actions",
    type=click.Choice([str(each) for each in Action]),
    multiple=True,
    help="only this action; may be repeated",
)
@listing_options(COLUMNS, COLUMNS)
@count_option
@form_options
@settings_option
def audit(
    since: datetime | None,
    limit: int | None,
    *,
    actions: tuple[str, ...],
    listing: Listing,
    only_count: bool,
    form: Form,
    settings: Settings,
) -> None:
    """Show the audit log: who requested what, and when.

    It records submitting, retrying, cancelling, pausing, promoting, training, restoring,
    recomputing and forgetting. Users are those of the operating system. Each entry is written in
    the same transaction as the change it records. Reading paths, UIDs or pictures is recorded
    too, before the first row is read: the command, its filters without their values, and the
    number of rows.

    \b
    Example:
      thoraq audit --since 2026-03-01 --csv
      thoraq audit --action read --action forget
    """
    database = open_database(settings)
    kinds = [Action(each) for each in actions]
    newest = limit if listing.order is None else None  # other orders need all entries
    found = audit_rows(database, since=since, limit=newest, actions=kinds)
    rows = list(islice(listing.in_order(map(audit_row, found)), limit))
    if only_count:
        print_count(len(rows), form)
    else:
        print_listing(rows, form, listing)
