"""What an operator does to the queue: try again, stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, case, delete, func, or_, select, update

from db.audit import Action, note
from db.batches import batch_id_of, lock_batches, own_jobs
from db.bulk import at_once
from db.database import AnyRow, Database, moment, pieces
from db.jobs import CHUNK_NOT_BEFORE, moving, put_in_chunks
from db.records import CancelCount, RetryCount
from db.states import JobState, Priority
from db.tables import batch as batch_table
from db.tables import file, job
from db.tally import fold_within
from radiograph.errors import Disposition


class _Kind(NamedTuple):
    """What the jobs of a chunk have in common; ``of_chunk``: the one they were in together."""

    batch_id: int
    model_version: str
    priority: Priority
    of_chunk: int | None = None
    not_before: datetime | None = None


def retry(
    db: Database,
    batch: str | None,
    codes: Sequence[str] | None,
    chunk_size: int,
    *,
    now: datetime | None = None,
) -> RetryCount:
    """Queue again what failed or was cancelled; with ``codes``, what failed or was set aside so.

    A batch takes what was cancelled of the contents it holds, whosever it was. Attempts start from
    zero. Files refused at intake are forgotten, so that submitting their folder again looks at them
    afresh.
    Raises BatchUnknown.
    """
    with db.write() as connection:
        if codes is None:
            lock_batches(connection)
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

    A waiting job whose content another batch holds too goes on as that batch's own, unless that
    one was cancelled since. Raises BatchUnknown.
    """
    with db.write() as connection:
        lock_batches(connection)  # of two cancels the second sees what the first did
        at = moment(connection, now)
        batch_id = batch_id_of(connection, batch)
        connection.execute(
            update(batch_table).where(batch_table.c.id == batch_id).values(cancelled_at=at)
        )
        mine = job.c.id.in_(own_jobs(batch_id))
        waiting = connection.execute(
            select(job.c.id, job.c.model_version, job.c.chunk_id, CHUNK_NOT_BEFORE)
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
    """Return of each job a file of another batch that waits for it, with that batch.

    Of several batches an urgent one, then one that is not paused, then the first that asked.
    """
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
            .order_by(
                case((batch_table.c.priority == Priority.URGENT, 0), else_=1),
                case((batch_table.c.paused_at.is_(None), 0), else_=1),
                file.c.id,
            )
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
    """Let jobs count for the files of their heirs, with the priority and pauses of those.

    They stay together as they were: a wait goes on, and who was put alone stays alone.
    """
    _own(connection, {row.id: heirs[row.id].id for row in jobs})
    chunks: dict[_Kind, list[int]] = {}
    for row in jobs:
        heir = heirs[row.id]
        kind = _Kind(heir.batch_id, row.model_version, heir.priority, row.chunk_id, row.not_before)
        chunks.setdefault(kind, []).append(row.id)
    _put_in_chunks(connection, chunks, chunk_size, at)
    if not at_once(connection):
        fold_within(connection)  # SQLite's triggers know single rows


def _own(connection: Connection, files: Mapping[int, int]) -> None:
    """Let each job, by its id, count for another of its files."""
    for ids in pieces(sorted(files)):
        owned = (file.c.job_id.in_(ids), file.c.duplicate.is_(False))
        connection.execute(update(file).where(*owned).values(duplicate=True))
        others = file.c.id.in_([files[each] for each in ids])
        connection.execute(update(file).where(others).values(duplicate=False))


def _put_in_chunks(
    connection: Connection, jobs: Mapping[_Kind, Sequence[int]], chunk_size: int, at: datetime
) -> None:
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
        mine = job.c.id.in_(own_jobs(batch_id))
        held = select(file.c.job_id).where(file.c.batch_id == batch_id, file.c.job_id.is_not(None))
        chosen = chosen.where(
            or_(mine, and_(job.c.state == JobState.CANCELLED, job.c.id.in_(held)))
        )
    if codes is not None:
        chosen = chosen.where(job.c.code.in_(codes))
    rows = connection.execute(chosen.order_by(job.c.id).with_for_update()).all()
    if batch_id is not None:
        _own(connection, _files_of(connection, batch_id, rows))
    chunks: dict[_Kind, list[int]] = {}
    for row in rows:
        kind = _Kind(batch_id or row.batch_id, row.model_version, row.priority)
        chunks.setdefault(kind, []).append(row.id)
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


def _files_of(connection: Connection, batch_id: int, rows: Sequence[AnyRow]) -> dict[int, int]:
    """Return the batch's first file of each job that counts for another batch."""
    found: dict[int, int] = {}
    for ids in pieces([row.id for row in rows if row.batch_id != batch_id]):
        files = connection.execute(
            select(file.c.job_id, func.min(file.c.id).label("id"))
            .where(file.c.batch_id == batch_id, file.c.job_id.in_(ids))
            .group_by(file.c.job_id)
        )
        found.update((row.job_id, row.id) for row in files)
    return found


def _forget(connection: Connection, batch_id: int | None, codes: Sequence[str] | None) -> int:
    forgotten = delete(file)
    if codes is None:
        forgotten = forgotten.where(file.c.disposition == Disposition.FAILED)
    else:
        forgotten = forgotten.where(file.c.disposition.is_not(None), file.c.code.in_(codes))
    if batch_id is not None:
        forgotten = forgotten.where(file.c.batch_id == batch_id)
    return connection.execute(forgotten).rowcount
