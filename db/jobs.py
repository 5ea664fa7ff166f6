"""Changing the state of jobs and putting them in chunks, for claims, recovery and operations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Label, Update, bindparam, insert, select, update

from db.bulk import is_one_of, is_postgres
from db.database import pieces
from db.errors import MoveForbidden
from db.states import MOVES, JobState, Priority
from db.tables import chunk, job

#: Values of a job that is not running.
UNOWNED = {"owner": None, "lease_expires_at": None}


def _of_its_chunk(column: Column[Any]) -> Label[Any]:
    """Return a column of a job's chunk for use in a query of jobs."""
    found = select(column).where(chunk.c.id == job.c.chunk_id)
    return found.correlate(job).scalar_subquery().label(column.name)


#: The batch whose pause holds back a job's chunk, and the end of the chunk's delay.
CHUNK_BATCH = _of_its_chunk(chunk.c.batch_id)
CHUNK_NOT_BEFORE = _of_its_chunk(chunk.c.not_before)


def moving(source: JobState, target: JobState) -> Update:
    """Return an UPDATE of jobs in ``source``; no other statement changes ``job.state``.

    Raises MoveForbidden: db.states.MOVES has no such move.
    """
    if target not in MOVES[source]:
        raise MoveForbidden(f"a job cannot go from {source} to {target}")
    return update(job).where(job.c.state == source).values(state=target)


def move(
    connection: Connection,
    source: JobState,
    target: JobState,
    ids: Sequence[int],
    **values: object,
) -> None:
    """Move jobs that this transaction found in ``source``. Raises MoveForbidden."""
    statement = moving(source, target).values(**values)
    if is_postgres(connection):
        connection.execute(statement.where(is_one_of(connection, job.c.id, ids)))
    elif ids:
        # One by one: for a list of ids SQLite would scan every job of the state.
        connection.execute(statement.where(job.c.id == bindparam("of")), [{"of": n} for n in ids])


def put_in_chunks(
    connection: Connection,
    job_ids: Sequence[int],
    *,
    batch_id: int | None,
    model_version: str,
    priority: Priority,
    chunk_size: int,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """Put queued jobs into new chunks, in their order, and give them the chunks' priority.

    The relay sends the chunks after the commit.
    """
    for ids in pieces(job_ids, chunk_size):
        chunk_id = connection.execute(
            insert(chunk)
            .values(
                batch_id=batch_id,
                model_version=model_version,
                priority=priority,
                created_at=now,
                not_before=not_before,
            )
            .returning(chunk.c.id)
        ).scalar_one()
        connection.execute(
            update(job)
            .where(is_one_of(connection, job.c.id, ids))
            .values(chunk_id=chunk_id, priority=priority)
        )
