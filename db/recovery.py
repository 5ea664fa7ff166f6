"""Requeueing stalled work: lost workers, lost messages, retries that are due.

The jobs of a dead worker are requeued in two halves, so that a file that kills workers is alone
after a few rounds; a file is quarantined after it killed two workers while it was alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import Connection, func, insert, select, update

from db.database import AnyRow, Database, moment, pieces
from db.jobs import CHUNK_BATCH, UNOWNED, moving, put_in_chunks
from db.outbox import awaits_claim, resend_all
from db.path_hiding import hide_ended
from db.records import RecoveryCount
from db.states import JobState
from db.tables import chunk, failure, job

__all__ = ["recover_stalled", "resend_all"]

#: A file is quarantined after this many workers died while they held it alone.
_ALONE_CRASHES = 2

_LOST = "worker-lost"
_LOST_DETAIL = "The worker that held this job stopped; the job was requeued."
_QUARANTINED = "quarantined"
_QUARANTINED_DETAIL = (
    "Two workers died while reading this file alone; look at the file, then run "
    "`thoraq retry --code quarantined`."
)


def recover_stalled(
    db: Database, resend_seconds: float, *, now: datetime | None = None
) -> RecoveryCount:
    """Run one round of recovery; safe to run in several processes at once."""
    with db.write() as connection:
        at = moment(connection, now)
        expired, quarantined = _recover_expired(connection, at)
        return RecoveryCount(
            expired=expired,
            resent=_resend(connection, at - timedelta(seconds=resend_seconds)),
            due=_end_waits(connection, at),
            quarantined=quarantined,
        )


def _recover_expired(connection: Connection, at: datetime) -> tuple[int, int]:
    rows = connection.execute(
        select(
            job.c.id,
            job.c.radiograph_id,
            job.c.owner,
            job.c.worker,
            job.c.chunk_id,
            job.c.model_version,
            job.c.priority,
            job.c.attempts,
            job.c.alone_crashes,
            CHUNK_BATCH,
        )
        .where(job.c.state == JobState.RUNNING, job.c.lease_expires_at < at)
        .order_by(job.c.id)
        # A row that its worker is renewing or storing at this moment is not stalled.
        .with_for_update(skip_locked=True)
    ).all()
    expired = 0
    blamed_for: list[int] = []
    for _, group in groupby(sorted(rows, key=lambda row: (row.owner, row.id)), lambda r: r.owner):
        jobs = list(group)
        alone = len(jobs) == 1 and _chunk_size(connection, jobs[0].chunk_id) == 1
        blamed = alone and jobs[0].alone_crashes + 1 >= _ALONE_CRASHES
        _note_lost(connection, jobs, at, blamed=blamed)
        if blamed:
            blamed_for.append(jobs[0].radiograph_id)
            _quarantine(connection, jobs[0], at)
        else:
            expired += len(jobs)
            _requeue_in_halves(connection, jobs, at, alone=alone)
    hide_ended(connection, blamed_for)
    return expired, len(blamed_for)


def _chunk_size(connection: Connection, chunk_id: int) -> int:
    count: int = connection.execute(
        select(func.count()).select_from(job).where(job.c.chunk_id == chunk_id)
    ).scalar_one()
    return count


def _note_lost(
    connection: Connection, jobs: Sequence[AnyRow], at: datetime, *, blamed: bool
) -> None:
    connection.execute(
        insert(failure),
        [
            {
                "job_id": row.id,
                "code": _QUARANTINED if blamed else _LOST,
                "detail": _QUARANTINED_DETAIL if blamed else _LOST_DETAIL,
                "permanent": blamed,
                "attempt": row.attempts,
                "worker": row.worker,
                "at": at,
            }
            for row in jobs
        ],
    )


def _quarantine(connection: Connection, row: AnyRow, at: datetime) -> None:
    connection.execute(
        moving(JobState.RUNNING, JobState.FAILED)
        .where(job.c.id == row.id)
        .values(
            alone_crashes=job.c.alone_crashes + 1,
            code=_QUARANTINED,
            detail=_QUARANTINED_DETAIL,
            settled_at=at,
            **UNOWNED,
        )
    )


def _requeue_in_halves(
    connection: Connection, jobs: Sequence[AnyRow], at: datetime, *, alone: bool
) -> None:
    ids = [row.id for row in jobs]
    for some in pieces(ids):
        connection.execute(
            moving(JobState.RUNNING, JobState.QUEUED)
            .where(job.c.id.in_(some))
            .values(
                alone_crashes=job.c.alone_crashes + (1 if alone else 0),
                code=_LOST,
                detail=_LOST_DETAIL,
                **UNOWNED,
            )
        )
    put_in_chunks(
        connection,
        ids,
        batch_id=jobs[0].batch_id,
        model_version=jobs[0].model_version,
        priority=jobs[0].priority,
        chunk_size=(len(ids) + 1) // 2,
        now=at,
    )


def _resend(connection: Connection, sent_before: datetime) -> int:
    return connection.execute(
        update(chunk).where(awaits_claim(), chunk.c.sent_at < sent_before).values(sent_at=None)
    ).rowcount


def _end_waits(connection: Connection, at: datetime) -> int:
    chunks = (
        connection.execute(
            update(chunk)
            .where(awaits_claim(), chunk.c.sent_at.is_(None), chunk.c.not_before <= at)
            .values(not_before=None)
            .returning(chunk.c.id)
        )
        .scalars()
        .all()
    )
    due = 0
    for ids in pieces(chunks):
        due += connection.execute(
            select(func.count())
            .select_from(job)
            .where(job.c.chunk_id.in_(ids), job.c.state == JobState.QUEUED)
        ).scalar_one()
    return due
