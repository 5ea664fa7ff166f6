"""Pauses: holding back a batch or a queue until it is resumed.

Paused chunks are neither sent nor claimed. Jobs that a worker has already claimed are finished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, delete, exists, func, or_, select, update

from db.audit import Action, amend, note
from db.batches import batch_id_of
from db.database import Database, insert_into, moment
from db.records import PauseCount
from db.states import JobState, QueueName, RunState
from db.tables import batch, chunk, job, queue_pause, training_run
from db.tally import sums

#: The batch is paused by a cancel that is running or was killed: `db.operations` ends the pause.
_BY_CANCEL = batch.c.paused_at == batch.c.cancelled_at


def pause_batch(db: Database, name: str, *, now: datetime | None = None) -> PauseCount:
    """Pause a batch: hold back its waiting jobs. Raises BatchUnknown."""
    with db.write() as connection:
        at = moment(connection, now)
        batch_id = batch_id_of(connection, name)
        connection.execute(
            update(batch)
            .where(batch.c.id == batch_id, or_(batch.c.paused_at.is_(None), _BY_CANCEL))
            .values(paused_at=at)
        )
        entry = note(connection, Action.PAUSE, name, at)
    return _counted(db, lambda connection: _of_batch(connection, batch_id), entry)


def resume_batch(db: Database, name: str, *, now: datetime | None = None) -> PauseCount:
    """Resume a batch. Raises BatchUnknown."""
    with db.write() as connection:
        at = moment(connection, now)
        batch_id = batch_id_of(connection, name)
        connection.execute(update(batch).where(batch.c.id == batch_id).values(paused_at=None))
        # Messages received meanwhile were dropped; a chunk sent twice is claimed once.
        _send_again(connection, chunk.c.batch_id == batch_id)
        entry = note(connection, Action.RESUME, name, at)
    return _counted(db, lambda connection: _of_batch(connection, batch_id), entry)


def pause_queue(db: Database, queue: QueueName, *, now: datetime | None = None) -> PauseCount:
    """Pause a queue: hold back all waiting work of it, also what is added later."""
    with db.write() as connection:
        at = moment(connection, now)
        connection.execute(
            insert_into(connection, queue_pause)
            .values(queue=queue, paused_at=at)
            .on_conflict_do_nothing()
        )
        entry = note(connection, Action.PAUSE, f"the {queue} queue", at)
    return _counted(db, lambda connection: _of_queue(connection, queue), entry)


def resume_queue(db: Database, queue: QueueName, *, now: datetime | None = None) -> PauseCount:
    """Resume a queue; batches that are paused themselves stay paused."""
    with db.write() as connection:
        at = moment(connection, now)
        connection.execute(delete(queue_pause).where(queue_pause.c.queue == queue))
        if queue is QueueName.TRAINING:
            connection.execute(
                update(training_run)
                .where(training_run.c.state == RunState.QUEUED)
                .values(sent_at=None)
            )
        else:
            _send_again(connection, chunk.c.priority == queue.value)
        entry = note(connection, Action.RESUME, f"the {queue} queue", at)
    return _counted(db, lambda connection: _of_queue(connection, queue), entry)


def cancel_batch(connection: Connection, batch_id: int, at: datetime) -> None:
    """Mark a batch as cancelled and pause it until `end_cancel_hold`; an operator's pause stays."""
    held = case((or_(batch.c.paused_at.is_(None), _BY_CANCEL), at), else_=batch.c.paused_at)
    connection.execute(
        update(batch).where(batch.c.id == batch_id).values(cancelled_at=at, paused_at=held)
    )


def end_cancel_hold(connection: Connection, batch_id: int) -> None:
    """End a cancel's pause: jobs that were added meanwhile, or left, are sent again."""
    held = (batch.c.id == batch_id, _BY_CANCEL)
    if connection.execute(update(batch).where(*held).values(paused_at=None)).rowcount:
        _send_again(connection, chunk.c.batch_id == batch_id)


def revive_batches(connection: Connection, batch_id: int | None) -> None:
    """Unmark a batch, or all, as cancelled; also end the pause of an interrupted cancel."""
    again: list[ColumnElement[bool]] = [batch.c.cancelled_at.is_not(None)]
    if batch_id is not None:
        again.append(batch.c.id == batch_id)
    for each in connection.scalars(select(batch.c.id).where(*again, _BY_CANCEL)).all():
        end_cancel_hold(connection, each)
    connection.execute(update(batch).where(*again).values(cancelled_at=None))


def paused_queues(db: Database) -> dict[QueueName, datetime]:
    """Return the paused queues, and since when they are paused."""
    with db.read() as connection:
        rows = connection.execute(select(queue_pause).order_by(queue_pause.c.queue))
        return {row.queue: row.paused_at for row in rows}


def is_held_back() -> ColumnElement[bool]:
    """Return the condition that a chunk's batch or queue is paused."""
    return or_(
        exists().where(batch.c.id == chunk.c.batch_id, batch.c.paused_at.is_not(None)),
        exists().where(queue_pause.c.queue == chunk.c.priority),
    )


def is_training_paused() -> ColumnElement[bool]:
    """Return the condition that the training queue is paused."""
    return exists().where(queue_pause.c.queue == QueueName.TRAINING)


def _send_again(connection: Connection, chosen: ColumnElement[bool]) -> None:
    queued = exists().where(job.c.chunk_id == chunk.c.id, job.c.state == JobState.QUEUED)
    connection.execute(
        update(chunk)
        .where(chosen, chunk.c.claimed_at.is_(None), chunk.c.sent_at.is_not(None), queued)
        .values(sent_at=None)
    )


def _of_batch(connection: Connection, batch_id: int) -> PauseCount:
    counts: Counter[str] = Counter()
    for row in sums(connection, batch_id):
        counts[row.ending] += int(row.files)
    return PauseCount(counts[JobState.QUEUED], counts[JobState.RUNNING])


def _counted(db: Database, count: Callable[[Connection], PauseCount], entry: int) -> PauseCount:
    """Count after the change, so that no writer waits for it, and record it in the audit log."""
    with db.read() as connection:
        found = count(connection)
    with db.write() as connection:
        amend(connection, entry, waiting=found.waiting)
    return found


def _of_queue(connection: Connection, queue: QueueName) -> PauseCount:
    if queue is QueueName.TRAINING:
        query = select(training_run.c.state, func.count()).group_by(training_run.c.state)
        runs: dict[str, int] = {str(row[0]): row[1] for row in connection.execute(query)}
        return PauseCount(runs.get(RunState.QUEUED, 0), runs.get(RunState.RUNNING, 0))
    rows = connection.execute(
        select(job.c.state, func.count())
        .where(job.c.priority == queue.value)
        .where(job.c.state.in_([JobState.QUEUED, JobState.RUNNING]))
        .group_by(job.c.state)
    )
    counts: dict[JobState, int] = {row[0]: row[1] for row in rows}
    return PauseCount(counts.get(JobState.QUEUED, 0), counts.get(JobState.RUNNING, 0))
