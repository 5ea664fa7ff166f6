"""A worker's claim on jobs: taken, renewed, released, and settled under a fencing token.

The token is the owner: a worker that was silent for longer than its lease finds its rows with
another owner or none, and stores nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, bindparam, func, select, update

from db.archive import is_hashed
from db.columns import Moment, is_kept
from db.database import Database, moment
from db.jobs import CHUNK_BATCH, UNOWNED, moving, put_in_chunks
from db.outcome_storage import Pair, settle
from db.pauses import is_held_back
from db.records import Claim, ClaimedJob, Outcome, RetryPolicy
from db.states import JobState
from db.tables import batch, chunk, file, job, radiograph
from db.uid_conflicts import note_conflicts

#: Most paths of the same content that a reader tries in turn.
_PATHS_A_JOB = 8

# Built once: building a statement costs as much as executing it.
_TAKING_CHUNK = (
    update(chunk)
    .where(chunk.c.id == bindparam("of"), chunk.c.claimed_at.is_(None), ~is_held_back())
    .values(claimed_at=bindparam("at"))
    .returning(
        chunk.c.model_version,
        select(batch.c.name).where(batch.c.id == chunk.c.batch_id).scalar_subquery().label("batch"),
    )
)
_TAKING_JOBS = (
    moving(JobState.QUEUED, JobState.RUNNING)
    .where(job.c.chunk_id == bindparam("of"))
    .values(
        owner=bindparam("holder"),
        worker=bindparam("by"),
        lease_expires_at=bindparam("until"),
        attempts=job.c.attempts + 1,
        first_claimed_at=func.coalesce(job.c.first_claimed_at, bindparam("at", type_=Moment)),
    )
)
_CLAIMED = (
    select(
        job.c.id,
        job.c.radiograph_id,
        job.c.attempts,
        radiograph.c.path,
        func.coalesce(radiograph.c.content_digest, radiograph.c.sha256).label("digest"),
        radiograph.c.format,
    )
    .join(radiograph, radiograph.c.id == job.c.radiograph_id)
    .where(job.c.owner == bindparam("holder"))
    .order_by(job.c.id)
)
_NEWEST = (
    select(
        file.c.radiograph_id,
        file.c.path,
        func.row_number()
        .over(partition_by=file.c.radiograph_id, order_by=file.c.id.desc())
        .label("nth"),
    )
    .join(radiograph, radiograph.c.id == file.c.radiograph_id)
    .join(job, job.c.radiograph_id == radiograph.c.id)
    .where(
        job.c.owner == bindparam("holder"),
        file.c.path != radiograph.c.path,
        is_kept(file.c.path),
    )
    .subquery()
)
#: Other paths of the contents of claimed jobs: the newest of them, the oldest first.
_COPIES = (
    select(_NEWEST.c.radiograph_id, _NEWEST.c.path)
    .where(_NEWEST.c.nth <= _PATHS_A_JOB)
    .order_by(_NEWEST.c.radiograph_id, _NEWEST.c.nth.desc())
)
_HELD = (
    select(
        job.c.id,
        job.c.radiograph_id,
        job.c.model_version,
        job.c.priority,
        job.c.attempts,
        job.c.transient_refusals,
        job.c.first_claimed_at,
        CHUNK_BATCH,
    )
    .where(job.c.owner == bindparam("holder"), job.c.state == JobState.RUNNING)
    .order_by(job.c.id)
    .with_for_update()
)


def claim_chunk(
    db: Database,
    chunk_id: int,
    worker: str,
    lease_seconds: float,
    *,
    now: datetime | None = None,
) -> Claim | None:
    """Claim the queued jobs of a chunk and commit; None: none is left.

    A message may arrive twice, late, or at two workers: one of them gets the jobs. A paused chunk
    is left, and sent again when it is resumed.
    """
    owner = str(uuid4())
    with db.write() as connection:
        at = moment(connection, now)
        taking = connection.execute(_TAKING_CHUNK, {"of": chunk_id, "at": at}).one_or_none()
        if taking is None:
            return None
        taken = connection.execute(
            _TAKING_JOBS,
            {
                "of": chunk_id,
                "holder": owner,
                "by": worker,
                "until": at + timedelta(seconds=lease_seconds),
                "at": at,
            },
        ).rowcount
        jobs = _claimed(connection, owner) if taken else ()
    return Claim(owner, chunk_id, taking.model_version, jobs, taking.batch) if jobs else None


def renew_lease(
    db: Database, owner: str, lease_seconds: float, *, now: datetime | None = None
) -> int:
    """Renew a claim; return the number of jobs still held: 0 if the lease was lost."""
    with db.write() as connection:
        at = moment(connection, now)
        return connection.execute(
            update(job)
            .where(job.c.owner == owner, job.c.state == JobState.RUNNING)
            .values(lease_expires_at=at + timedelta(seconds=lease_seconds))
        ).rowcount


def store_outcomes(
    db: Database,
    owner: str,
    outcomes: Sequence[Outcome],
    worker: str,
    retry: RetryPolicy,
    *,
    now: datetime | None = None,
) -> int:
    """Store the outcomes of claimed jobs, in one transaction; safe to run twice.

    Return how many jobs were still held; the others have another owner now and are left alone.
    After a transient refusal a job is requeued in a delayed chunk, until ``retry`` gives up.
    """
    with db.write() as connection:
        at = moment(connection, now)
        by_job = {outcome.job_id: outcome for outcome in outcomes}
        held = connection.execute(_HELD, {"holder": owner}).all()
        pairs: list[Pair] = [(row, by_job[row.id]) for row in held if row.id in by_job]
        if pairs:
            settle(
                connection,
                pairs,
                owner=owner,
                worker=worker,
                retry=retry,
                spread=random.random(),  # noqa: S311 - jitter, no secret
                at=at,
                # No job ends before it began, even after the clock was set back:
                # `db.query.spans` relies on that.
                settled_at=max(at, *(row.first_claimed_at for row, _ in pairs)),
            )
    # Those of jobs that are another's now as well: it may be this transaction that is run again.
    headers = (each.header for each in outcomes)
    note_conflicts(db, [each.sop_uid for each in headers if each is not None and each.sop_uid])
    return len(pairs)


def release(db: Database, owner: str, *, now: datetime | None = None) -> int:
    """Release a claim at shutdown: requeue its jobs in a new chunk, and count no attempt."""
    with db.write() as connection:
        at = moment(connection, now)
        rows = connection.execute(
            select(job.c.id, job.c.model_version, job.c.priority, CHUNK_BATCH)
            .where(job.c.owner == owner, job.c.state == JobState.RUNNING)
            .order_by(job.c.id)
            .with_for_update()
        ).all()
        if not rows:
            return 0
        connection.execute(
            moving(JobState.RUNNING, JobState.QUEUED)
            .where(job.c.owner == owner)
            .values(attempts=job.c.attempts - 1, **UNOWNED)
        )
        put_in_chunks(
            connection,
            [row.id for row in rows],
            batch_id=rows[0].batch_id,
            model_version=rows[0].model_version,
            priority=rows[0].priority,
            chunk_size=len(rows),
            now=at,
        )
        return len(rows)


def _claimed(connection: Connection, owner: str) -> tuple[ClaimedJob, ...]:
    copies: dict[int, list[str]] = {}
    for row in connection.execute(_COPIES, {"holder": owner}):
        copies.setdefault(row.radiograph_id, []).append(row.path)
    return tuple(
        ClaimedJob(
            job_id=row.id,
            radiograph_id=row.radiograph_id,
            paths=_distinct(row.path, copies.get(row.radiograph_id, [])),
            sha256=row.digest,
            format=row.format,
            attempt=row.attempts,
        )
        for row in connection.execute(_CLAIMED, {"holder": owner})
    )


def _distinct(first: str, copies: Sequence[str]) -> tuple[str, ...]:
    """Return the first path, then the copies, without repetitions."""
    if is_hashed(first) and copies:
        return tuple(dict.fromkeys(copies))
    return tuple(dict.fromkeys([first, *copies]))
