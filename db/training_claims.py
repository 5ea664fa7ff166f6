"""A worker's hold on a training run: taken, prolonged, told of, ended, and found again.

As with jobs the fence is the owner token: a worker that was silent for longer than its lease
finds the run under another token and changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, Update, select, update

from db.database import AnyRow, Database, insert_into, moment
from db.states import RunState
from db.tables import training_check, training_phase, training_run
from db.training_records import RunCheck, RunClaim, RunHold, RunPhase
from db.training_runs import run_of

#: A run is given up after this many workers ended with it between two checks.
MAX_ATTEMPTS = 5

_LOST = "training-worker-lost"
_LOST_DETAIL = "The worker that trained stopped; the run goes on from its last checkpoint."
_CRASHES = "training-crashes"
_CRASHES_DETAIL = (
    "Worker after worker ended with this run before its next check; look at their logs, then run "
    "`thoraq train resume`."
)
_UNOWNED = {"owner": None, "lease_expires_at": None}


def claim_run(
    db: Database,
    run_id: int,
    worker: str,
    device: str,
    lease_seconds: float,
    *,
    now: datetime | None = None,
) -> RunClaim | None:
    """Take a waiting run, committed before this returns; None: it came twice or late."""
    owner = str(uuid4())
    with db.write() as connection:
        at = moment(connection, now)
        taken = connection.execute(
            update(training_run)
            .where(training_run.c.id == run_id, training_run.c.state == RunState.QUEUED)
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
    """Prolong a claim, and learn whether an operator wants the run to end."""
    with db.write() as connection:
        at = moment(connection, now)
        asked = connection.execute(
            _held(owner)
            .values(lease_expires_at=at + timedelta(seconds=lease_seconds))
            .returning(training_run.c.cancel_requested)
        ).scalar_one_or_none()
    return RunHold(held=asked is not None, cancel_requested=bool(asked))


def record_check(db: Database, owner: str, check: RunCheck) -> bool:
    """Store where the run stands; False: it is somebody else's now. Safe to run twice."""
    with db.write() as connection:
        run_id = connection.execute(
            _held(owner).values(last=asdict(check), attempts=1).returning(training_run.c.id)
        ).scalar_one_or_none()
        if run_id is None:
            return False
        stored = insert_into(connection, training_check).values(
            run_id=run_id, ordinal=check.ordinal, step=check.step, said=asdict(check)
        )
        connection.execute(
            stored.on_conflict_do_update(
                index_elements=["run_id", "ordinal", "step"],
                set_={"said": stored.excluded.said},
            )
        )
    return True


def record_phase(db: Database, owner: str, phase: RunPhase) -> bool:
    """Store how a phase ended; False: the run is somebody else's now. Safe to run twice."""
    with db.write() as connection:
        run_id = connection.execute(
            select(training_run.c.id).where(
                training_run.c.owner == owner, training_run.c.state == RunState.RUNNING
            )
        ).scalar_one_or_none()
        if run_id is None:
            return False
        stored = insert_into(connection, training_phase).values(
            run_id=run_id, ordinal=phase.ordinal, said=asdict(phase)
        )
        connection.execute(
            stored.on_conflict_do_update(
                index_elements=["run_id", "ordinal"], set_={"said": stored.excluded.said}
            )
        )
    return True


def release_run(db: Database, owner: str) -> bool:
    """Give a run back at shutdown: queued again, and no attempt is counted."""
    with db.write() as connection:
        values = {"state": RunState.QUEUED, "sent_at": None, **_UNOWNED}
        return _moved(
            connection, _held(owner).values(attempts=training_run.c.attempts - 1, **values)
        )


def finish_run(
    db: Database, owner: str, model_version: str | None, *, now: datetime | None = None
) -> bool:
    """End a run that made ``model_version``, or none where it was for comparison."""
    with db.write() as connection:
        values = {"state": RunState.FINISHED, "ended_at": moment(connection, now), **_UNOWNED}
        return _moved(connection, _held(owner).values(model_version=model_version, **values))


def fail_run(
    db: Database, owner: str, code: str, detail: str, *, now: datetime | None = None
) -> bool:
    """End a run that cannot go on as it is."""
    with db.write() as connection:
        values = {"state": RunState.FAILED, "ended_at": moment(connection, now), **_UNOWNED}
        return _moved(connection, _held(owner).values(code=code, detail=detail, **values))


def end_cancelled(db: Database, owner: str, *, now: datetime | None = None) -> bool:
    """End a run as an operator asked; its checkpoint is written."""
    with db.write() as connection:
        values = {"state": RunState.CANCELLED, "ended_at": moment(connection, now), **_UNOWNED}
        return _moved(connection, _held(owner).values(**values))


def recover_runs(
    db: Database,
    resend_seconds: float,
    max_attempts: int = MAX_ATTEMPTS,
    *,
    now: datetime | None = None,
) -> int:
    """Bring back the runs whose worker is lost, and those whose message is; return how many."""
    with db.write() as connection:
        at = moment(connection, now)
        lost = connection.execute(
            select(training_run)
            .where(training_run.c.state == RunState.RUNNING, training_run.c.lease_expires_at < at)
            .order_by(training_run.c.id)
            .with_for_update(skip_locked=True)
        ).all()
        for row in lost:
            connection.execute(
                update(training_run)
                .where(training_run.c.id == row.id, training_run.c.owner == row.owner)
                .values(**_after_loss(row, max_attempts, at), **_UNOWNED)
            )
        resent = connection.execute(
            update(training_run)
            .where(
                training_run.c.state == RunState.QUEUED,
                training_run.c.sent_at < at - timedelta(seconds=resend_seconds),
            )
            .values(sent_at=None)
        ).rowcount
    return len(lost) + resent


def _after_loss(row: AnyRow, max_attempts: int, at: datetime) -> dict[str, object]:
    if row.cancel_requested:
        return {"state": RunState.CANCELLED, "ended_at": at}
    if row.attempts >= max_attempts:
        said = {"code": _CRASHES, "detail": _CRASHES_DETAIL}
        return {"state": RunState.FAILED, "ended_at": at, **said}
    return {"state": RunState.QUEUED, "sent_at": None, "code": _LOST, "detail": _LOST_DETAIL}


def _held(owner: str) -> Update:
    return update(training_run).where(
        training_run.c.owner == owner, training_run.c.state == RunState.RUNNING
    )


def _moved(connection: Connection, statement: Update) -> bool:
    return connection.execute(statement).rowcount == 1
