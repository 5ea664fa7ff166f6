"""Requeueing training runs: lost workers, failing devices, lost messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from db.database import AnyRow, Database, moment
from db.states import RunState
from db.tables import training_run
from db.training.claims import UNOWNED, lock_held_run, update_of_held_run

#: A run fails after this many claims without a new check.
MAX_ATTEMPTS = 5

_LOST = "training-worker-lost"
_LOST_DETAIL = "The worker that trained stopped; the run resumes from its last checkpoint."
_CRASHES = "training-crashes"
_CRASHES_DETAIL = (
    "Several workers died in a row before the next check of this run; look at their logs, then run "
    "`thoraq train resume`."
)


def recover_runs(
    db: Database, max_attempts: int = MAX_ATTEMPTS, *, now: datetime | None = None
) -> int:
    """Requeue runs whose worker is lost; return how many. Safe to run in several processes."""
    with db.write() as connection:
        at = moment(connection, now)
        lost = connection.execute(
            select(training_run)
            .where(training_run.c.state == RunState.RUNNING, training_run.c.lease_expires_at < at)
            .order_by(training_run.c.id)
            # A run that its worker is renewing at this moment is not lost.
            .with_for_update(skip_locked=True)
        ).all()
        for row in lost:
            crashed = {"code": _CRASHES, "detail": _CRASHES_DETAIL}
            values = _after_loss(row, max_attempts, at, {"code": _LOST, "detail": _LOST_DETAIL})
            if values["state"] is RunState.FAILED:
                values |= crashed
            connection.execute(update_of_held_run(row.owner).values(**values, **UNOWNED))
    return len(lost)


def set_back_run(
    db: Database,
    owner: str,
    code: str,
    detail: str,
    max_attempts: int = MAX_ATTEMPTS,
    *,
    now: datetime | None = None,
) -> RunState | None:
    """Requeue a run whose device or folder failed, or fail it after ``max_attempts``.

    Return its new state; None: it has another owner now.
    """
    with db.write() as connection:
        row = lock_held_run(connection, owner)
        if row is None:
            return None
        cause = {"code": code, "detail": detail}
        values = _after_loss(row, max_attempts, moment(connection, now), cause)
        connection.execute(update_of_held_run(owner).values(**values, **UNOWNED))
        return RunState(values["state"])


def resend_unheard_runs(db: Database, resend_seconds: float, *, now: datetime | None = None) -> int:
    """Send runs again that no worker claimed; call it while none is waiting in the broker."""
    with db.write() as connection:
        before = moment(connection, now) - timedelta(seconds=resend_seconds)
        return connection.execute(
            update(training_run)
            .where(training_run.c.state == RunState.QUEUED, training_run.c.sent_at < before)
            .values(sent_at=None)
        ).rowcount


def _after_loss(
    row: AnyRow, max_attempts: int, at: datetime, cause: dict[str, str]
) -> dict[str, Any]:
    if row.cancel_requested:
        return {"state": RunState.CANCELLED, "ended_at": at}
    if row.attempts >= max_attempts:
        return {"state": RunState.FAILED, "ended_at": at, **cause}
    return {"state": RunState.QUEUED, "sent_at": None, **cause}
