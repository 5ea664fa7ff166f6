"""`thoraq audit`."""

from __future__ import annotations

from datetime import datetime

import click

from cli.options import Count, Moment, settings_option
from cli.output.printing import Form, Row, form_options, print_rows
from db.audit import Action, audit_rows
from db.records import AuditRow
from scheduler.archive import open_database
from scheduler.settings import Settings


@click.command()
@click.option("--since", type=Moment(), help="asked for at or after this time")
@click.option("--limit", type=Count(min=1), help="at most so many, the newest")
@click.option(
    "--action",
    "actions",
    type=click.Choice([str(each) for each in Action]),
    multiple=True,
    help="only this kind; may be repeated",
)
@form_options
@settings_option
def audit(
    since: datetime | None,
    limit: int | None,
    *,
    actions: tuple[str, ...],
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
    found = audit_rows(database, since=since, limit=limit, actions=kinds)
    print_rows([audit_row(each) for each in found], form)


def audit_row(found: AuditRow) -> Row:
    """Return the line of one request. A reading without a batch has no subject."""
    whole = None if found.action == Action.READ else "everything"
    said = ", ".join(f"{name} {_words(value)}" for name, value in found.said.items() if value)
    return {
        "at": found.at.isoformat(timespec="seconds"),
        "who": found.who,
        "action": found.action,
        "subject": found.subject or whole,
        "what": said,
    }


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
