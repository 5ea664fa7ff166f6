"""The audit log: who asked for what, written in the transaction of the change."""

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
    """Actions in the audit log: changes, and reading data that identifies patients."""

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
    """Add an entry for this process's user to the audit log; return its id, for `amend`."""
    entry: int = connection.execute(
        insert(audit)
        .values(at=at, who=_who(), action=str(action), subject=subject, details=details)
        .returning(audit.c.id)
    ).scalar_one()
    return entry


def amend(connection: Connection, entry: int, **details: object) -> None:
    """Update what an entry has done so far, for an action of several transactions."""
    connection.execute(update(audit).where(audit.c.id == entry).values(details=details))


def note_read(db: Database, batch: str | None, patience_ms: int | None, **details: object) -> int:
    """Record that data which identifies patients is about to be read; return the entry's id.

    ``patience_ms``: how long to wait for SQLite's other writers. Raises DatabaseError.
    """
    with db.write(patience_ms=patience_ms) as connection:
        # A name that is not a batch's may be anything, such as a patient's number.
        known = select(batch_table.c.name).where(batch_table.c.name == batch)
        named = connection.execute(known).scalar_one_or_none()
        return note(connection, Action.READ, named, moment(connection, None), **details)


def amend_read(db: Database, entry: int, patience_ms: int | None, **details: object) -> None:
    """Record in such an entry how many rows were read. Raises DatabaseError."""
    with db.write(patience_ms=patience_ms) as connection:
        amend(connection, entry, **details)


def forgotten_batch(batch_id: int, at: datetime) -> str:
    """Return the subject of entries about a batch that was forgotten at ``at``.

    It includes the time, since SQLite may reuse the batch's id.
    """
    return f"batch {batch_id}, forgotten {at.isoformat(timespec='milliseconds')}"


def rename_batch(connection: Connection, name: str, subject: str) -> None:
    """Replace a batch's name, which may identify a patient, by ``subject`` in earlier entries."""
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
    """Return entries, the newest first; with ``actions``, only those of these actions."""
    asked = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if actions:
        asked = asked.where(audit.c.action.in_([str(each) for each in actions]))
    if since is not None:
        asked = asked.where(audit.c.at >= since)
    with db.read() as connection:
        rows = connection.execute(asked).all()
    return [AuditRow(row.at, row.who, row.action, row.subject, row.details) for row in rows]


def _who() -> str:
    # From the system's user database; an environment variable could be set to any name.
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:  # users in containers often have no name
        user = str(number)
    return f"{user}@{socket.gethostname()}"
