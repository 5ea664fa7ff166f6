"""A worker's claim on a training run: taken, renewed, reported on, released and ended.

As with jobs the owner is a fencing token: a worker that was silent for longer than its lease finds
the run with another owner and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Update, select, update

from db.database import AnyRow, Database, insert_into, moment
from db.models import note_model
from db.pauses import is_training_paused
from db.states import RunState
from db.tables import training_check, training_phase, training_run
from db.training.records import RunCheck, RunClaim, RunHold, RunPhase
from db.training.runs import run_of

#: Values of a run that is not running.
UNOWNED = {"owner": None, "lease_expires_at": None}


def claim_run(
    db: Database,
    run_id: int,
    worker: str,
    device: str,
    lease_seconds: float,
    *,
    now: datetime | None = None,
) -> RunClaim | None:
    """Claim a waiting run and commit; None: a late or repeated message, or training is paused."""
    owner = str(uuid4())
    with db.write() as connection:
        at = moment(connection, now)
        taken = connection.execute(
            update(training_run)
            .where(training_run.c.id == run_id, training_run.c.state == RunState.QUEUED)
            .where(~is_training_paused())
            .values(
                state=RunState.RUNNING,
                owner=owner,
                lease_expires_at=at + timedelta(seconds=lease_seconds),
                attempts=training_run.c.attempts + 1,
                worker=worker,
                device=device,
                code=None,
                detail=None,
            )
        ).rowcount
        if not taken:
            return None
        connection.execute(
            update(training_run)
            .where(training_run.c.id == run_id, training_run.c.started_at.is_(None))
            .values(started_at=at)
        )
        row = connection.execute(select(training_run).where(training_run.c.id == run_id)).one()
        return RunClaim(owner, run_of(row))


def renew_run(
    db: Database, owner: str, lease_seconds: float, *, now: datetime | None = None
) -> RunHold:
    """Renew a claim; return whether it holds and whether an operator wants the run to end."""
    with db.write() as connection:
        at = moment(connection, now)
        asked = connection.execute(
            update_of_held_run(owner)
            .values(lease_expires_at=at + timedelta(seconds=lease_seconds))
            .returning(training_run.c.cancel_requested)
        ).scalar_one_or_none()
    return RunHold(held=asked is not None, cancel_requested=bool(asked))


def record_check(db: Database, owner: str, check: RunCheck) -> bool:
    """Store a check of the run; False: it has another owner now. Safe to run twice."""
    figures = _figures(check)
    with db.write() as connection:
        run_id = connection.execute(
            update_of_held_run(owner).values(last=figures).returning(training_run.c.id)
        ).scalar_one_or_none()
        if run_id is None:
            return False
        key = {"run_id": run_id, "ordinal": check.ordinal, "step": check.step}
        new = connection.execute(
            insert_into(connection, training_check)
            .values(**key, figures=figures)
            .on_conflict_do_nothing()
            .returning(training_check.c.id)
        ).scalar_one_or_none()
        if new is None:
            known = (training_check.c[name] == value for name, value in key.items())
            connection.execute(update(training_check).where(*known).values(figures=figures))
        else:
            # Only a step never reached before is progress: a run that kills its worker right
            # after a check repeats that check at every attempt.
            connection.execute(update_of_held_run(owner).values(attempts=1))
    return True


def record_phase(db: Database, owner: str, phase: RunPhase) -> bool:
    """Store how a phase ended; False: the run has another owner now. Safe to run twice."""
    with db.write() as connection:
        run_id = connection.execute(
            select(training_run.c.id).where(
                training_run.c.owner == owner, training_run.c.state == RunState.RUNNING
            )
        ).scalar_one_or_none()
        if run_id is None:
            return False
        stored = insert_into(connection, training_phase).values(
            run_id=run_id, ordinal=phase.ordinal, outcome=_figures(phase)
        )
        connection.execute(
            stored.on_conflict_do_update(
                index_elements=["run_id", "ordinal"], set_={"outcome": stored.excluded.outcome}
            )
        )
    return True


def release_run(db: Database, owner: str, *, now: datetime | None = None) -> bool:
    """Release a run at shutdown: requeue it, and count no attempt.

    If its cancellation was requested meanwhile it is cancelled.
    """
    with db.write() as connection:
        row = lock_held_run(connection, owner)
        if row is None:
            return False
        if row.cancel_requested:
            values = {"state": RunState.CANCELLED, "ended_at": moment(connection, now)}
        else:
            values = {"state": RunState.QUEUED, "sent_at": None, "attempts": row.attempts - 1}
        return _moved(connection, update_of_held_run(owner).values(**values, **UNOWNED))


def finish_run(
    db: Database, owner: str, model_version: str | None, *, now: datetime | None = None
) -> bool:
    """End a run that produced ``model_version``, or None for a run only for comparison."""
    with db.write() as connection:
        return _finished(connection, owner, model_version, moment(connection, now))


def finish_with_model(
    db: Database,
    owner: str,
    version: str,
    weights_digest: str,
    card: Mapping[str, object],
    *,
    now: datetime | None = None,
) -> bool:
    """End a run and register the network it produced, in one transaction.

    Raises ModelDiffers: the version is registered with other weights.
    """
    with db.write() as connection:
        at = moment(connection, now)
        if not _finished(connection, owner, version, at):
            return False
        note_model(connection, version, weights_digest, card, at)
    return True


def fail_run(
    db: Database, owner: str, code: str, detail: str, *, now: datetime | None = None
) -> bool:
    """End a run that cannot continue, as failed."""
    with db.write() as connection:
        values = {"state": RunState.FAILED, "ended_at": moment(connection, now), **UNOWNED}
        return _moved(
            connection, update_of_held_run(owner).values(code=code, detail=detail, **values)
        )


def end_cancelled(db: Database, owner: str, *, now: datetime | None = None) -> bool:
    """End a run as cancelled by an operator; its checkpoint has been written."""
    with db.write() as connection:
        values = {"state": RunState.CANCELLED, "ended_at": moment(connection, now), **UNOWNED}
        return _moved(connection, update_of_held_run(owner).values(**values))


def update_of_held_run(owner: str) -> Update:
    """Return an UPDATE of the run that ``owner`` holds: the fence."""
    return update(training_run).where(
        training_run.c.owner == owner, training_run.c.state == RunState.RUNNING
    )


def lock_held_run(connection: Connection, owner: str) -> AnyRow | None:
    """Lock and return the run that ``owner`` holds."""
    return connection.execute(
        select(training_run)
        .where(training_run.c.owner == owner, training_run.c.state == RunState.RUNNING)
        .with_for_update()
    ).one_or_none()


def _finished(connection: Connection, owner: str, version: str | None, at: datetime) -> bool:
    values = {"state": RunState.FINISHED, "ended_at": at, "cancel_requested": False, **UNOWNED}
    return _moved(connection, update_of_held_run(owner).values(model_version=version, **values))


def _figures(told: RunCheck | RunPhase) -> dict[str, Any]:
    """Return plain values for JSON, without NaN and infinity."""
    figures = asdict(told)
    for name in ("loss_parts", "figures"):
        if name in figures:
            finite = {part: value for part, value in figures[name].items() if isfinite(value)}
            figures[name] = finite
    return figures


def _moved(connection: Connection, statement: Update) -> bool:
    return connection.execute(statement).rowcount == 1
