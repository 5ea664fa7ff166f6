"""`thoraq audit`."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import click

from cli.listing_options import Listing, count_option, listing_options, print_count, print_listing
from cli.options import Count, Moment, settings_option
from cli.output.printing import Form, Row, form_options
from db.audit import Action, audit_rows
from db.records import AuditRow
from scheduler.archive import open_database
from scheduler.settings import Settings

#: Every column of the list.
COLUMNS = ("at", "who", "action", "subject", "what")


@click.command()
@click.option("--since", type=Moment(), help="asked for at or after this time")
@click.option(
    "--limit", type=Count(min=1), help="at most so many, the newest, or the first of --sort"
)
@click.option(
    "--action",
    "actions",
    type=click.Choice([str(each) for each in Action]),
    multiple=True,
    help="only this kind; may be repeated",
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
    """Tell who asked for what, and when.

    What was submitted, tried again, cancelled, paused, promoted, trained, restored, recomputed and
    forgotten. Users are those of the system the command ran on. Each row is written in the same
    transaction as the change it records. Reading paths, UIDs or pictures has a row too, written
    before the first one is read: the command, its filters without their values, and how many rows.

    \b
    Example:
      thoraq audit --since 2026-03-01 --csv
      thoraq audit --action read --action forget
    """
    database = open_database(settings)
    kinds = [Action(each) for each in actions]
    newest = limit if listing.order is None else None  # another order is of all that is chosen
    found = audit_rows(database, since=since, limit=newest, actions=kinds)
    rows = list(islice(listing.in_order(map(audit_row, found)), limit))
    if only_count:
        print_count(len(rows), form)
    else:
        print_listing(rows, form, listing)


def audit_row(found: AuditRow) -> Row:
    """Return the line of one request. A reading without a batch has no subject."""
    whole = None if found.action == Action.READ else "everything"
    said = ", ".join(f"{name} {_words(value)}" for name, value in found.details.items() if value)
    return {
        "at": found.at.isoformat(timespec="seconds"),
        "who": found.who,
        "action": found.action,
        "subject": found.subject or whole,
        "what": said,
    }


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
