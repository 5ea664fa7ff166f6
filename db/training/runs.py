"""Training runs: queueing, listing, cancelling, resuming."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from db.audit import Action, note
from db.database import AnyRow, Database, insert_into, moment
from db.errors import RunNameTaken, RunSettled, RunUnknown
from db.pauses import is_training_paused
from db.states import RUN_MOVES, RunState
from db.tables import training_check, training_phase, training_run
from db.training.records import NewRun, RunCheck, RunPhase, TrainingRun

#: States from which a run may be queued again.
RESUMABLE = tuple(state for state, to in RUN_MOVES.items() if RunState.QUEUED in to)


def open_run(db: Database, new: NewRun, *, now: datetime | None = None) -> TrainingRun:
    """Queue a run; the relay sends it. Raises RunNameTaken."""
    with db.write() as connection:
        at = moment(connection, now)
        made = connection.execute(
            insert_into(connection, training_run)
            .values(
                name=new.name,
                data=new.data,
                plan=dict(new.plan),
                start=new.start,
                teachers=list(new.teachers),
                parent=new.parent,
                state=RunState.QUEUED,
                cancel_requested=False,
                attempts=0,
                created_at=at,
            )
            .on_conflict_do_nothing()
            .returning(training_run.c.id)
        ).scalar_one_or_none()
        if made is None:
            raise RunNameTaken.because(new.name)
        note(connection, Action.TRAIN, new.name, at)
        return run_of(row_of(connection, new.name))


def find_run(db: Database, name: str) -> TrainingRun:
    """Return the run of this name. Raises RunUnknown."""
    with db.read() as connection:
        return run_of(row_of(connection, name))


def list_runs(db: Database) -> list[TrainingRun]:
    """Return every run, the newest first."""
    with db.read() as connection:
        rows = connection.execute(select(training_run).order_by(training_run.c.id.desc())).all()
    return [run_of(row) for row in rows]


def cancel_run(db: Database, name: str, *, now: datetime | None = None) -> TrainingRun:
    """Cancel a waiting run; ask a running one to write a checkpoint and end.

    Raises RunUnknown, RunSettled.
    """
    with db.write() as connection:
        at = moment(connection, now)
        row = row_of(connection, name, lock=True)
        if row.state == RunState.QUEUED:
            values = {"state": RunState.CANCELLED, "ended_at": at}
        elif row.state == RunState.RUNNING:
            values = {"cancel_requested": True}
        else:
            raise RunSettled.because(f"{name} is {row.state}")
        connection.execute(update(training_run).where(training_run.c.id == row.id).values(**values))
        note(connection, Action.TRAIN_CANCEL, name, at)
        return run_of(row_of(connection, name))


def resume_run(db: Database, name: str) -> TrainingRun:
    """Requeue a cancelled or failed run; it resumes from its last checkpoint.

    Raises RunUnknown, RunSettled.
    """
    with db.write() as connection:
        row = row_of(connection, name, lock=True)
        if row.state not in RESUMABLE or row.state == RunState.RUNNING:
            raise RunSettled.because(f"{name} is {row.state}")
        connection.execute(
            update(training_run)
            .where(training_run.c.id == row.id)
            .values(
                state=RunState.QUEUED,
                cancel_requested=False,
                attempts=0,
                sent_at=None,
                ended_at=None,
                code=None,
                detail=None,
            )
        )
        note(connection, Action.TRAIN_RESUME, name, moment(connection, None))
        return run_of(row_of(connection, name))


def run_checks(db: Database, run_id: int) -> list[RunCheck]:
    """Return every check of a run, in order."""
    with db.read() as connection:
        rows = connection.execute(
            select(training_check.c.figures)
            .where(training_check.c.run_id == run_id)
            .order_by(training_check.c.ordinal, training_check.c.step)
        ).scalars()
        return [RunCheck(**figures) for figures in rows]


def run_phases(db: Database, run_id: int) -> list[RunPhase]:
    """Return every finished phase of a run, in order."""
    with db.read() as connection:
        rows = connection.execute(
            select(training_phase.c.outcome)
            .where(training_phase.c.run_id == run_id)
            .order_by(training_phase.c.ordinal)
        ).scalars()
        return [RunPhase(**outcome) for outcome in rows]


def unsent_runs(db: Database) -> list[int]:
    """Return the ids of the runs to be sent, the oldest first; none while training is paused."""
    with db.read() as connection:
        return list(
            connection.execute(
                select(training_run.c.id)
                .where(training_run.c.state == RunState.QUEUED, training_run.c.sent_at.is_(None))
                .where(~is_training_paused())
                .order_by(training_run.c.id)
            ).scalars()
        )


def mark_runs_sent(db: Database, run_ids: Sequence[int], *, now: datetime | None = None) -> None:
    """Mark runs as sent; called after publishing, so that a crash sends them twice."""
    with db.write() as connection:
        connection.execute(
            update(training_run)
            .where(training_run.c.id.in_(list(run_ids)))
            .values(sent_at=moment(connection, now))
        )


def resend_runs(db: Database) -> int:
    """Mark every waiting run as unsent, after the broker lost all messages."""
    with db.write() as connection:
        return connection.execute(
            update(training_run)
            .where(training_run.c.state == RunState.QUEUED, training_run.c.sent_at.is_not(None))
            .values(sent_at=None)
        ).rowcount


def row_of(connection: Connection, name: str, *, lock: bool = False) -> AnyRow:
    """Return a run's row. Raises RunUnknown."""
    asked = select(training_run).where(training_run.c.name == name)
    row = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
    if row is None:
        raise RunUnknown(f"no training run {name!r}: `thoraq train status` lists them")
    return row


def run_of(row: AnyRow) -> TrainingRun:
    """Return the record of a row."""
    return TrainingRun(
        id=row.id,
        name=row.name,
        data=row.data,
        plan=row.plan,
        start=row.start,
        teachers=tuple(row.teachers),
        parent=row.parent,
        state=RunState(row.state),
        cancel_requested=row.cancel_requested,
        attempts=row.attempts,
        last=None if row.last is None else RunCheck(**row.last),
        device=row.device,
        worker=row.worker,
        code=row.code,
        detail=row.detail,
        model_version=row.model_version,
        created_at=row.created_at,
        sent_at=row.sent_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        lease_expires_at=row.lease_expires_at,
    )
