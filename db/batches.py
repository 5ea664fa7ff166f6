"""Finding batches by name, locking them, and the jobs that count for a batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from sqlalchemy import Connection, Select, func, select

from db.database import Database
from db.errors import BatchAmbiguous, BatchUnknown
from db.tables import batch, file

#: Key of the PostgreSQL advisory lock for recording and removing files.
_SUBMISSIONS = 0x74686F72


#: Suffix of batch names that thoraq generates.
_DIGEST = re.compile(r"-[0-9a-f]{8}$")
#: Most names that a message suggests, and their least similarity to a mistyped one.
_MOST_NAMES, _LIKE = 5, 0.7


def full_name(db: Database, given: str) -> str:
    """Return the name of the batch called ``given``, or of the only one that begins with it.

    Raises BatchUnknown, with similar names; BatchAmbiguous.
    """
    with db.read() as connection:
        names: list[str] = list(connection.scalars(select(batch.c.name).order_by(batch.c.name)))
    if given in names:
        return given
    begin: list[str] = [each for each in names if given and each.startswith(given)]
    if len(begin) == 1:
        return begin[0]
    if begin:
        examples = ", ".join(begin[:_MOST_NAMES]) + (", ..." if len(begin) > _MOST_NAMES else "")
        raise BatchAmbiguous(f"{len(begin)} batches begin with {given!r}: {examples}; give more")
    alike = _alike(given, names)
    hint = f"; did you mean {' or '.join(alike)}?" if alike else ":"
    raise BatchUnknown(f"no batch is called {given!r}{hint} `thoraq status` lists them")


def _alike(given: str, names: Sequence[str]) -> list[str]:
    """Return the names most similar to an unknown one, with or without their digests."""

    def likeness(name: str) -> float:
        forms = {name, _DIGEST.sub("", name)}
        return max(SequenceMatcher(None, given, each).ratio() for each in forms)

    found = sorted(((likeness(each), each) for each in names), reverse=True)
    return [name for like, name in found[:3] if like >= _LIKE]


def batch_id_of(connection: Connection, name: str) -> int:
    """Return the id of the batch called ``name``. Raises BatchUnknown."""
    found: int | None = connection.execute(
        select(batch.c.id).where(batch.c.name == name)
    ).scalar_one_or_none()
    if found is None:
        raise BatchUnknown(f"no batch is called {name!r}: `thoraq status` lists them")
    return found


def hold_batch(connection: Connection, batch_id: int, name: str) -> None:
    """Lock a batch against other submissions to it, and against being forgotten.

    Raises BatchUnknown: it was forgotten; SQLite may reuse its id.
    """
    _check(connection, _called(batch_id, name).with_for_update(key_share=True), name)


def check_batch(connection: Connection, batch_id: int, name: str) -> None:
    """Check that a batch still has this name. Raises BatchUnknown as `hold_batch` does."""
    _check(connection, _called(batch_id, name), name)


def _called(batch_id: int, name: str) -> Select[tuple[int]]:
    return select(batch.c.id).where(batch.c.id == batch_id, batch.c.name == name)


def _check(connection: Connection, asked: Select[tuple[int]], name: str) -> None:
    if connection.execute(asked).first() is None:
        raise BatchUnknown(f"batch {name!r} was forgotten meanwhile: run the same command again")


def own_jobs(batch_id: int) -> Select[tuple[int]]:
    """Return the jobs that count for a batch, not those it has duplicates of."""
    return select(file.c.job_id).where(
        file.c.batch_id == batch_id, file.c.duplicate.is_(False), file.c.job_id.is_not(None)
    )


def lock_batches(connection: Connection, batch_id: int | None = None) -> None:
    """Lock a batch, or all batches, against other submissions and cancels.

    Chunks and files may still be inserted with references to it: a stronger lock could deadlock
    with transactions that hold jobs.
    """
    locked = select(batch.c.id).order_by(batch.c.id).with_for_update(key_share=True)
    connection.execute(locked if batch_id is None else locked.where(batch.c.id == batch_id)).all()


def among_submissions(connection: Connection, *, alone: bool = False) -> None:
    """Take the lock for recording files: shared, or exclusive with ``alone``.

    Call it before any other lock. Does nothing on SQLite, which has one writer.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        connection.execute(select(lock(_SUBMISSIONS)))


def is_cancelled(connection: Connection, batch_id: int) -> bool:
    """Return whether a batch was cancelled and not retried since."""
    asked = select(batch.c.id).where(batch.c.id == batch_id, batch.c.cancelled_at.is_not(None))
    return connection.execute(asked).first() is not None
