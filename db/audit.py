"""The audit: who asked for what, written in the transaction that did it."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from db.database import Database, moment
from db.records import AuditRow
from db.tables import audit
from db.tables import batch as batch_table


class Action(StrEnum):
    """What an operator may ask for: changes, and reading what identifies patients."""

    SUBMIT = "submit"
    RETRY = "retry"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    TRAIN = "train"
    TRAIN_CANCEL = "train-cancel"
    TRAIN_RESUME = "train-resume"
    RESTORE = "restore"
    RECOMPUTE = "recompute"
    FORGET = "forget"
    READ = "read"


#: Actions whose subject may be a batch.
_OF_BATCHES = (
    Action.SUBMIT,
    Action.RETRY,
    Action.CANCEL,
    Action.PAUSE,
    Action.RESUME,
    Action.RECOMPUTE,
    Action.READ,
)


def note(
    connection: Connection, action: Action, subject: str | None, at: datetime, **details: object
) -> int:
    """Write down that this process's user asked for something, and what it did.

    Returns the entry, for `amend`.
    """
    entry: int = connection.execute(
        insert(audit)
        .values(at=at, who=_who(), action=str(action), subject=subject, details=details)
        .returning(audit.c.id)
    ).scalar_one()
    return entry


def amend(connection: Connection, entry: int, **details: object) -> None:
    """Say of an entry what was done by now, where one transaction does not do it all."""
    connection.execute(update(audit).where(audit.c.id == entry).values(details=details))


def note_read(db: Database, batch: str | None, patience_ms: int | None, **details: object) -> int:
    """Write down that somebody is about to read what identifies patients; return the entry.

    ``patience_ms``: how long to wait for SQLite's other writers. Raises DatabaseError.
    """
    with db.write(patience_ms=patience_ms) as connection:
        # What no batch is called may be anything that was typed, such as a patient's number.
        known = select(batch_table.c.name).where(batch_table.c.name == batch)
        named = connection.execute(known).scalar_one_or_none()
        return note(connection, Action.READ, named, moment(connection, None), **details)


def amend_read(db: Database, entry: int, patience_ms: int | None, **details: object) -> None:
    """Say of such an entry how many rows were read. Raises DatabaseError."""
    with db.write(patience_ms=patience_ms) as connection:
        amend(connection, entry, **details)


def forgotten_batch(batch_id: int, at: datetime) -> str:
    """Return what entries call a batch that was forgotten at that time.

    The number alone would not do: SQLite gives it to another batch.
    """
    return f"batch {batch_id}, forgotten {at.isoformat(timespec='milliseconds')}"


def rename_batch(connection: Connection, name: str, subject: str) -> None:
    """Have earlier entries call a batch ``subject``: its name may identify a patient."""
    of_batches = audit.c.action.in_([str(each) for each in _OF_BATCHES])
    connection.execute(
        update(audit).where(audit.c.subject == name, of_batches).values(subject=subject)
    )


def audit_rows(
    db: Database,
    *,
    since: datetime | None = None,
    limit: int | None = None,
    actions: Collection[Action] = (),
) -> list[AuditRow]:
    """Tell who asked for what, the newest first; with ``actions``, for one of these."""
    asked = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if actions:
        asked = asked.where(audit.c.action.in_([str(each) for each in actions]))
    if since is not None:
        asked = asked.where(audit.c.at >= since)
    with db.read() as connection:
        rows = connection.execute(asked).all()
    return [AuditRow(row.at, row.who, row.action, row.subject, row.details) for row in rows]


def _who() -> str:
    # The system's books, not the environment, in which anybody may call himself anything.
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user often has no name
        user = str(number)
    return f"{user}@{socket.gethostname()}"
