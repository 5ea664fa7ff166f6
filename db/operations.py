"""What an operator does to the queue: try again, stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, func, or_, select, update

from db.audit import Action, note
from db.batches import batch_id_of, own_jobs
from db.database import AnyRow, Database, moment, pieces
from db.jobs import moving, put_in_chunks
from db.records import CancelCount, RetryCount
from db.states import JobState, Priority
from db.tables import batch as batch_table
from db.tables import file, job
from radiograph.errors import Disposition

#: What the jobs of a chunk have in common: batch, version of the network, priority.
ChunkKind = tuple[int, str, Priority]


def retry(
    db: Database,
    batch: str | None,
    codes: Sequence[str] | None,
    chunk_size: int,
    *,
    now: datetime | None = None,
) -> RetryCount:
    """Queue again what failed or was cancelled; with ``codes``, what failed or was set aside so.

    Attempts start from zero. Files refused at intake are forgotten, so that submitting their
    folder again looks at them afresh.
    Raises BatchUnknown.
    """
    with db.write() as connection:
        at = moment(connection, now)
        batch_id = None if batch is None else batch_id_of(connection, batch)
        if codes is None:
            again = update(batch_table).where(batch_table.c.cancelled_at.is_not(None))
            again = again if batch_id is None else again.where(batch_table.c.id == batch_id)
            connection.execute(again.values(cancelled_at=None))
        jobs = _requeue(connection, batch_id, codes, chunk_size, at)
        count = RetryCount(jobs=jobs, files=_forget(connection, batch_id, codes))
        note(connection, Action.RETRY, batch, at, codes=list(codes or ()), **asdict(count))
        return count


def cancel(
    db: Database, batch: str, chunk_size: int, *, now: datetime | None = None
) -> CancelCount:
    """Take a batch's waiting jobs out of the queue; those in a worker's hands are finished.

    A job whose content another batch holds too waits on as that batch's own, unless that one was
    cancelled since. Raises BatchUnknown.
    """
    with db.write() as connection:
        at = moment(connection, now)
        batch_id = batch_id_of(connection, batch)
        connection.execute(
            update(batch_table).where(batch_table.c.id == batch_id).values(cancelled_at=at)
        )
        mine = job.c.id.in_(own_jobs(batch_id))
        waiting = connection.execute(
            select(job.c.id, job.c.model_version)
            .where(mine, job.c.state == JobState.QUEUED)
            .order_by(job.c.id)
            .with_for_update()
        ).all()
        heirs = _heirs(connection, [row.id for row in waiting], batch_id)
        _hand_over(connection, [row for row in waiting if row.id in heirs], heirs, chunk_size, at)
        cancelled = 0
        for ids in pieces([row.id for row in waiting if row.id not in heirs]):
            cancelled += connection.execute(
                moving(JobState.QUEUED, JobState.CANCELLED)
                .where(job.c.id.in_(ids))
                .values(settled_at=at)
            ).rowcount
        running: int = connection.execute(
            select(func.count()).select_from(job).where(mine, job.c.state == JobState.RUNNING)
        ).scalar_one()
        count = CancelCount(cancelled=cancelled, in_flight=running, handed_over=len(heirs))
        note(connection, Action.CANCEL, batch, at, **asdict(count))
        return count


def _heirs(connection: Connection, job_ids: Sequence[int], batch_id: int) -> dict[int, AnyRow]:
    """Return of each job the first file of another batch that waits for it, with that batch."""
    heirs: dict[int, AnyRow] = {}
    for ids in pieces(job_ids):
        rows = connection.execute(
            select(file.c.id, file.c.job_id, file.c.batch_id, batch_table.c.priority)
            .join(batch_table, batch_table.c.id == file.c.batch_id)
            .where(
                file.c.job_id.in_(ids),
                file.c.batch_id != batch_id,
                or_(
                    batch_table.c.cancelled_at.is_(None),
                    file.c.seen_at > batch_table.c.cancelled_at,
                ),
            )
            .order_by(file.c.id)
        )
        for row in rows:
            heirs.setdefault(row.job_id, row)
    return heirs


def _hand_over(
    connection: Connection,
    jobs: Sequence[AnyRow],
    heirs: Mapping[int, AnyRow],
    chunk_size: int,
    at: datetime,
) -> None:
    """Let jobs count for the files of their heirs, with the priority and pauses of those."""
    for ids in pieces([row.id for row in jobs]):
        owned = (file.c.job_id.in_(ids), file.c.duplicate.is_(False))
        connection.execute(update(file).where(*owned).values(duplicate=True))
        of_heirs = file.c.id.in_([heirs[each].id for each in ids])
        connection.execute(update(file).where(of_heirs).values(duplicate=False))
    chunks: dict[ChunkKind, list[int]] = {}
    for row in jobs:
        heir = heirs[row.id]
        chunks.setdefault((heir.batch_id, row.model_version, heir.priority), []).append(row.id)
    for (_, _, priority), job_ids in chunks.items():
        for ids in pieces(job_ids):
            connection.execute(update(job).where(job.c.id.in_(ids)).values(priority=priority))
    _put_in_chunks(connection, chunks, chunk_size, at)


def _put_in_chunks(
    connection: Connection,
    jobs: Mapping[ChunkKind, Sequence[int]],
    chunk_size: int,
    at: datetime,
) -> None:
    for (batch_id, model_version, priority), ids in jobs.items():
        put_in_chunks(
            connection,
            ids,
            batch_id=batch_id,
            model_version=model_version,
            priority=priority,
            chunk_size=chunk_size,
            now=at,
        )


def _requeue(
    connection: Connection,
    batch_id: int | None,
    codes: Sequence[str] | None,
    chunk_size: int,
    at: datetime,
) -> int:
    states = [JobState.FAILED, JobState.CANCELLED if codes is None else JobState.SET_ASIDE]
    owning = select(file.c.batch_id).where(file.c.job_id == job.c.id, file.c.duplicate.is_(False))
    chosen = select(
        job.c.id,
        job.c.state,
        job.c.model_version,
        job.c.priority,
        owning.scalar_subquery().label("batch_id"),
    ).where(job.c.state.in_(states))
    if batch_id is not None:
        chosen = chosen.where(job.c.id.in_(own_jobs(batch_id)))
    if codes is not None:
        chosen = chosen.where(job.c.code.in_(codes))
    rows = connection.execute(chosen.order_by(job.c.id).with_for_update()).all()
    chunks: dict[ChunkKind, list[int]] = {}
    for row in rows:
        key = (row.batch_id, row.model_version, row.priority)
        chunks.setdefault(key, []).append(row.id)
    for state in states:
        for ids in pieces([row.id for row in rows if row.state == state]):
            connection.execute(
                moving(state, JobState.QUEUED)
                .where(job.c.id.in_(ids))
                .values(
                    attempts=0,
                    transient_refusals=0,
                    alone_crashes=0,
                    settled_at=None,
                    code=None,
                    detail=None,
                )
            )
    _put_in_chunks(connection, chunks, chunk_size, at)
    return len(rows)


def _forget(connection: Connection, batch_id: int | None, codes: Sequence[str] | None) -> int:
    forgotten = delete(file)
    if codes is None:
        forgotten = forgotten.where(file.c.disposition == Disposition.FAILED)
    else:
        forgotten = forgotten.where(file.c.disposition.is_not(None), file.c.code.in_(codes))
    if batch_id is not None:
        forgotten = forgotten.where(file.c.batch_id == batch_id)
    return connection.execute(forgotten).rowcount
