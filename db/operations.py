"""What an operator does to the queue: try again, stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from db.audit import Action, note
from db.batches import batch_id_of, own_jobs
from db.database import Database, moment, pieces
from db.jobs import moving, put_in_chunks
from db.records import CancelCount, RetryCount
from db.states import JobState, Priority
from db.tables import file, job
from radiograph.errors import Disposition


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
        jobs = _requeue(connection, batch_id, codes, chunk_size, at)
        count = RetryCount(jobs=jobs, files=_forget(connection, batch_id, codes))
        note(connection, Action.RETRY, batch, at, codes=list(codes or ()), **asdict(count))
        return count


def cancel(db: Database, batch: str, *, now: datetime | None = None) -> CancelCount:
    """Take a batch's waiting jobs out of the queue; those in a worker's hands are finished.

    Raises BatchUnknown.
    """
    with db.write() as connection:
        at = moment(connection, now)
        mine = job.c.id.in_(own_jobs(batch_id_of(connection, batch)))
        waiting = connection.execute(
            select(job.c.id)
            .where(mine, job.c.state == JobState.QUEUED)
            .order_by(job.c.id)
            .with_for_update()
        )
        cancelled = 0
        for ids in pieces(waiting.scalars().all()):
            cancelled += connection.execute(
                moving(JobState.QUEUED, JobState.CANCELLED)
                .where(job.c.id.in_(ids))
                .values(settled_at=at)
            ).rowcount
        running: int = connection.execute(
            select(func.count()).select_from(job).where(mine, job.c.state == JobState.RUNNING)
        ).scalar_one()
        count = CancelCount(cancelled=cancelled, in_flight=running)
        note(connection, Action.CANCEL, batch, at, **asdict(count))
        return count


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
    chunks: dict[tuple[int, str, Priority], list[int]] = {}
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
    for (owner, model_version, priority), ids in chunks.items():
        put_in_chunks(
            connection,
            ids,
            batch_id=owner,
            model_version=model_version,
            priority=priority,
            chunk_size=chunk_size,
            now=at,
        )
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
