"""Heirs: files of other batches that still need a job which its own batch gives up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, or_, select, update

from db.bulk import is_one_of
from db.database import AnyRow, pieces
from db.jobs import put_in_chunks
from db.states import Priority
from db.tables import batch, file


class ChunkKind(NamedTuple):
    """What the jobs of a chunk have in common; ``of_chunk``: the chunk they were in before."""

    batch_id: int
    model_version: str
    priority: Priority
    of_chunk: int | None = None
    not_before: datetime | None = None


def heirs_of(connection: Connection, job_ids: Sequence[int], batch_id: int) -> dict[int, AnyRow]:
    """Return by job a file of another batch that waits for it, with that batch.

    Urgent batches come first, then those not paused, then the one that submitted it first.
    """
    heirs: dict[int, AnyRow] = {}
    for ids in pieces(job_ids):
        rows = connection.execute(
            select(file.c.id, file.c.job_id, file.c.batch_id, batch.c.priority)
            .join(batch, batch.c.id == file.c.batch_id)
            .where(
                is_one_of(connection, file.c.job_id, ids),
                file.c.batch_id != batch_id,
                or_(batch.c.cancelled_at.is_(None), file.c.seen_at > batch.c.cancelled_at),
            )
            .order_by(
                case((batch.c.priority == Priority.URGENT, 0), else_=1),
                case((batch.c.paused_at.is_(None), 0), else_=1),
                file.c.id,
            )
        )
        for row in rows:
            heirs.setdefault(row.job_id, row)
    return heirs


def hand_over(
    connection: Connection,
    jobs: Sequence[AnyRow],
    heirs: Mapping[int, AnyRow],
    chunk_size: int,
    at: datetime,
) -> None:
    """Assign jobs to the files of their heirs, with the priority and pauses of their batches.

    Jobs of one chunk stay together: a delay continues, and an isolated job stays isolated.
    """
    count_for_other_files(connection, {row.id: heirs[row.id].id for row in jobs})
    chunks: dict[ChunkKind, list[int]] = {}
    for row in jobs:
        heir = heirs[row.id]
        kind = ChunkKind(
            heir.batch_id, row.model_version, heir.priority, row.chunk_id, row.not_before
        )
        chunks.setdefault(kind, []).append(row.id)
    put_in_new_chunks(connection, chunks, chunk_size, at)


def count_for_other_files(connection: Connection, files: Mapping[int, int]) -> None:
    """Assign each job, by its id, to another of its files."""
    for ids in pieces(sorted(files)):
        owned = (is_one_of(connection, file.c.job_id, ids), file.c.duplicate.is_(False))
        connection.execute(update(file).where(*owned).values(duplicate=True))
        others = is_one_of(connection, file.c.id, [files[each] for each in ids])
        connection.execute(update(file).where(others).values(duplicate=False))


def put_in_new_chunks(
    connection: Connection, jobs: Mapping[ChunkKind, Sequence[int]], chunk_size: int, at: datetime
) -> None:
    """Put queued jobs into new chunks, each of one kind."""
    for kind, ids in jobs.items():
        put_in_chunks(
            connection,
            ids,
            batch_id=kind.batch_id,
            model_version=kind.model_version,
            priority=kind.priority,
            chunk_size=chunk_size,
            now=at,
            not_before=kind.not_before,
        )
