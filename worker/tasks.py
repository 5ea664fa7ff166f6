"""The tasks of a worker: thin, they take ids and may run twice."""

from __future__ import annotations

from typing import Any

import structlog
from celery import Celery, signals
from celery.exceptions import Reject

from db.errors import DatabaseError
from scheduler.errors import SchedulerError
from scheduler.messages import MEASURE, TRAIN, valid_id
from worker.errors import StopRequested
from worker.session import Session
from worker.training import Trainer


def add_tasks(app: Celery, session: Session) -> None:
    """Give ``app`` the tasks of a worker whose child owns ``session``."""

    @app.task(name=MEASURE, bind=True)
    def measure_chunk(self: Any, chunk_id: int) -> str | None:
        structlog.contextvars.bind_contextvars(chunk=valid_id(chunk_id))
        try:
            return session.measure(chunk_id, self.request.id)
        except StopRequested as exc:
            # Not begun: another worker gets the message.
            raise Reject(exc.code, requeue=True) from exc
        except (DatabaseError, SchedulerError) as exc:
            # An outdated schema or a key that cannot be read. Acknowledged one after the other, the
            # messages of the whole queue would be gone until they are sent again.
            session.pause(exc.code)
            raise Reject(exc.code, requeue=True) from exc


def add_training(app: Celery, trainer: Trainer) -> None:
    """Give ``app`` the task of a worker that trains."""

    # The lease, not the broker, knows who trains: a run of hours outlives every visibility timeout,
    # so its message is acknowledged when it arrives.
    @app.task(name=TRAIN, acks_late=False)
    def train_run(run_id: int) -> str:
        structlog.contextvars.bind_contextvars(run=valid_id(run_id))
        try:
            trainer.train(run_id)
        except DatabaseError as exc:
            # Another schema, as a rule. The run is still to be done, and upkeep sends it again.
            trainer.pause(exc.code)
        return "ended; see `thoraq train status`"


def bind_task(task_id: str | None = None, **_: Any) -> None:
    """Name the task in every line it logs."""
    structlog.contextvars.bind_contextvars(task_id=task_id)


def unbind_task(**_: Any) -> None:
    """Forget the task."""
    structlog.contextvars.clear_contextvars()


signals.task_prerun.connect(bind_task)
signals.task_postrun.connect(unbind_task)
