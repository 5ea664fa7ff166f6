"""Retrying and cancelling jobs.

Both may change all rows of a batch, and do so in rounds: the first transaction records the request,
and each round reads again what is left to do. After a kill between two rounds, the same command
does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update
from sqlalchemy import delete as delete_from

from db.audit import Action, amend, note
from db.batches import batch_id_of, is_cancelled, lock_batches, own_jobs
from db.bulk import is_one_of, is_postgres
from db.database import AnyRow, Database, moment, pieces
from db.heirs import ChunkKind, count_for_other_files, hand_over, heirs_of, put_in_new_chunks
from db.jobs import CHUNK_NOT_BEFORE, move
from db.path_hiding import hide_ended, lock_paths, without_path
from db.pauses import cancel_batch, end_cancel_hold, revive_batches
from db.records import CancelCount, RetryCount
from db.rounds import ROUND, rounds
from db.states import JobState
from db.tables import batch as batch_table
from db.tables import file, job
from db.tally import fold_within
from radiograph.errors import Disposition


def retry(
    db: Database,
    batch: str | None,
    codes: Sequence[str] | None,
    chunk_size: int,
    *,
    now: datetime | None = None,
) -> RetryCount:
    """Requeue failed and cancelled jobs; with ``codes``, jobs that failed or were set aside so.

    A batch takes over cancelled jobs of its contents, also those of other batches. Attempts start
    from zero. Records of files refused at intake are removed, so that submitting their folder again
    reads them again; that also queues jobs left here because their path is not kept. Jobs that are
    cancelled again meanwhile are left.
    Raises BatchUnknown.
    """
    with db.write() as connection:
        if codes is None:
            lock_batches(connection)
        at = moment(connection, now)
        batch_id = None if batch is None else batch_id_of(connection, batch)
        if codes is None:
            revive_batches(connection, batch_id)
        asked = {"codes": list(codes or ())}
        entry = note(connection, Action.RETRY, batch, at, **asked, **_done(RetryCount()))
    count = RetryCount()
    for ids in rounds(db, _ended(db, batch_id, codes)):
        with db.write() as connection:
            if codes is None:
                lock_batches(connection)
                if batch_id is not None and is_cancelled(connection, batch_id):
                    break
            at = moment(connection, now)
            queued = _requeue(connection, ids, batch_id, codes, chunk_size=chunk_size, at=at)
            count = replace(
                count, jobs=count.jobs + queued.jobs, not_kept=count.not_kept + queued.not_kept
            )
            _end_round(connection, entry, asked | _done(count))
    for ids in rounds(db, _refused(db, batch_id, codes)):
        with db.write() as connection:
            some = _forget(connection, ids)
            count = replace(count, files=count.files + some)
            _end_round(connection, entry, asked | _done(count))
    return count


def _done(count: RetryCount) -> dict[str, object]:
    """Return what a retry changed, for the audit log."""
    return {"jobs": count.jobs, "files": count.files}


def cancel(
    db: Database, batch: str, chunk_size: int, *, now: datetime | None = None
) -> CancelCount:
    """Remove a batch's waiting jobs from the queue; claimed jobs are finished.

    A waiting job whose content another batch has too is handed over to that batch, unless it was
    cancelled as well. The batch is paused meanwhile, so that workers claim no more of it; a retry
    during this time ends the cancel. Raises BatchUnknown.
    """
    with db.write() as connection:
        lock_batches(connection)  # of two cancels the second sees the changes of the first
        at = moment(connection, now)
        batch_id = batch_id_of(connection, batch)
        cancel_batch(connection, batch_id, at)
        entry = note(connection, Action.CANCEL, batch, at, **asdict(CancelCount()))
    count = CancelCount()
    for ids in rounds(db, _waiting(db, batch_id)):
        with db.write() as connection:
            lock_batches(connection)
            if not is_cancelled(connection, batch_id):
                break
            some = _cancel(connection, ids, batch_id, chunk_size, moment(connection, now))
            count = CancelCount(
                cancelled=count.cancelled + some.cancelled,
                handed_over=count.handed_over + some.handed_over,
            )
            _end_round(connection, entry, asdict(count))
    with db.read() as connection:
        running: int = connection.execute(
            select(func.count())
            .select_from(job)
            .where(job.c.id.in_(own_jobs(batch_id)), job.c.state == JobState.RUNNING)
        ).scalar_one()
    count = replace(count, in_flight=running)
    with db.write() as connection:
        end_cancel_hold(connection, batch_id)
        amend(connection, entry, **asdict(count))
    return count


def _end_round(connection: Connection, entry: int, asked: dict[str, object]) -> None:
    if not is_postgres(connection):
        fold_within(connection, few=4 * ROUND)  # SQLite: one tally entry per row
    amend(connection, entry, **asked)


def _waiting(db: Database, batch_id: int) -> Sequence[int]:
    """Return the ids of a batch's waiting jobs."""
    with db.read() as connection:
        return connection.scalars(
            select(job.c.id)
            .where(job.c.id.in_(own_jobs(batch_id)), job.c.state == JobState.QUEUED)
            .order_by(job.c.id)
        ).all()


def _cancel(
    connection: Connection, ids: Sequence[int], batch_id: int, chunk_size: int, at: datetime
) -> CancelCount:
    """Cancel or hand over the jobs that are still waiting and count for the batch."""
    waiting = [
        row
        for row in _found(connection, ids)
        if row.batch_id == batch_id and row.state == JobState.QUEUED
    ]
    lock_paths(connection, [row.radiograph_id for row in waiting])
    heirs = heirs_of(connection, [row.id for row in waiting], batch_id)
    hand_over(connection, [row for row in waiting if row.id in heirs], heirs, chunk_size, at)
    left = [row for row in waiting if row.id not in heirs]
    to_end = [row.id for row in left]
    move(connection, JobState.QUEUED, JobState.CANCELLED, to_end, settled_at=at)
    hide_ended(connection, [row.radiograph_id for row in left])
    return CancelCount(cancelled=len(left), handed_over=len(heirs))


def _found(connection: Connection, ids: Sequence[int]) -> Sequence[AnyRow]:
    """Lock jobs and return their current rows, with the batch they count for.

    Selected by id only: with further conditions SQLite would scan all of a batch or a state.
    """
    return connection.execute(
        select(
            job.c.id,
            job.c.radiograph_id,
            job.c.state,
            job.c.code,
            job.c.model_version,
            job.c.priority,
            job.c.chunk_id,
            CHUNK_NOT_BEFORE,
            file.c.batch_id,
            batch_table.c.cancelled_at,
        )
        .join(file, and_(file.c.job_id == job.c.id, file.c.duplicate.is_(False)))
        .join(batch_table, batch_table.c.id == file.c.batch_id)
        .where(is_one_of(connection, job.c.id, ids))
        .order_by(job.c.id)
        .with_for_update(of=job)
    ).all()


def _states(codes: Sequence[str] | None) -> list[JobState]:
    return [JobState.FAILED, JobState.CANCELLED if codes is None else JobState.SET_ASIDE]


def _to_retry(batch_id: int | None, codes: Sequence[str] | None) -> ColumnElement[bool]:
    """Return the condition that a retry includes a job."""
    chosen: list[ColumnElement[bool]] = [job.c.state.in_(_states(codes))]
    if batch_id is not None:
        mine = job.c.id.in_(own_jobs(batch_id))
        held = select(file.c.job_id).where(file.c.batch_id == batch_id, file.c.job_id.is_not(None))
        chosen.append(or_(mine, and_(job.c.state == JobState.CANCELLED, job.c.id.in_(held))))
    if codes is not None:
        chosen.append(job.c.code.in_(codes))
    return and_(*chosen)


def _ended(db: Database, batch_id: int | None, codes: Sequence[str] | None) -> Sequence[int]:
    """Return the ids of the jobs that a retry includes."""
    with db.read() as connection:
        asked = select(job.c.id).where(_to_retry(batch_id, codes)).order_by(job.c.id)
        return connection.scalars(asked).all()


def _requeue(
    connection: Connection,
    ids: Sequence[int],
    batch_id: int | None,
    codes: Sequence[str] | None,
    *,
    chunk_size: int,
    at: datetime,
) -> RetryCount:
    """Queue the jobs that are still to be retried and whose path is kept."""
    states = _states(codes)
    meant = [
        row
        for row in _found(connection, ids)
        if row.state in states
        and (row.code in codes if codes is not None else batch_id or row.cancelled_at is None)
    ]
    contents = [row.radiograph_id for row in meant]
    lock_paths(connection, contents)
    lost = without_path(connection, contents)
    rows = [row for row in meant if row.radiograph_id not in lost]
    _begin_anew(connection, [row.id for row in meant if row.radiograph_id in lost])
    if batch_id is not None:
        count_for_other_files(connection, _files_of(connection, batch_id, rows))
    chunks: dict[ChunkKind, list[int]] = {}
    for row in rows:
        kind = ChunkKind(batch_id or row.batch_id, row.model_version, row.priority)
        chunks.setdefault(kind, []).append(row.id)
    for state in states:
        move(
            connection,
            state,
            JobState.QUEUED,
            [row.id for row in rows if row.state == state],
            attempts=0,
            transient_refusals=0,
            alone_crashes=0,
            settled_at=None,
            code=None,
            detail=None,
        )
    put_in_new_chunks(connection, chunks, chunk_size, at)
    return RetryCount(jobs=len(rows), not_kept=len(meant) - len(rows))


def _begin_anew(connection: Connection, ids: Sequence[int]) -> None:
    """Mark jobs to be queued when their files are submitted again, which supplies their paths."""
    for some in pieces(ids):
        connection.execute(
            update(job)
            .where(is_one_of(connection, job.c.id, some))
            .values(attempts=0, transient_refusals=0, alone_crashes=0)
        )


def _files_of(connection: Connection, batch_id: int, rows: Sequence[AnyRow]) -> dict[int, int]:
    """Return, by job that counts for another batch, this batch's first file of it."""
    found: dict[int, int] = {}
    for ids in pieces([row.id for row in rows if row.batch_id != batch_id]):
        files = connection.execute(
            select(file.c.job_id, func.min(file.c.id).label("id"))
            .where(file.c.batch_id == batch_id, is_one_of(connection, file.c.job_id, ids))
            .group_by(file.c.job_id)
        )
        found.update((row.job_id, row.id) for row in files)
    return found


def _refused(db: Database, batch_id: int | None, codes: Sequence[str] | None) -> Sequence[int]:
    """Return the ids of the files refused at intake that a retry includes."""
    if codes is None:
        chosen = select(file.c.id).where(file.c.disposition == Disposition.FAILED)
    else:
        chosen = select(file.c.id).where(file.c.disposition.is_not(None), file.c.code.in_(codes))
    if batch_id is not None:
        chosen = chosen.where(file.c.batch_id == batch_id)
    with db.read() as connection:
        return connection.scalars(chosen.order_by(file.c.id)).all()


def _forget(connection: Connection, ids: Sequence[int]) -> int:
    forgotten = 0
    for some in pieces(ids):
        forgotten += connection.execute(
            delete_from(file).where(
                is_one_of(connection, file.c.id, some), file.c.disposition.is_not(None)
            )
        ).rowcount
    return forgotten
