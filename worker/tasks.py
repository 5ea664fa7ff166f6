"""The Celery tasks of a worker: they take ids, and may run twice."""

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
    """Add the tasks of a measuring worker to ``app``."""

    @app.task(name=MEASURE, bind=True)
    def measure_chunk(self: Any, chunk_id: int) -> str | None:
        structlog.contextvars.bind_contextvars(chunk=valid_id(chunk_id))
        try:
            return session.measure(chunk_id, self.request.id)
        except StopRequested as exc:
            # Not begun: another worker gets the message.
            raise Reject(exc.code, requeue=True) from exc
        except (DatabaseError, SchedulerError) as exc:
            # For example an outdated schema or an unreadable key. Without a pause the messages of
            # the whole queue would be acknowledged, and gone until they are sent again.
            session.pause(exc.code)
            raise Reject(exc.code, requeue=True) from exc


def add_training(app: Celery, trainer: Trainer) -> None:
    """Add the task of a training worker to ``app``."""

    # A run takes longer than any visibility timeout of the broker, so its message is acknowledged
    # on arrival; the lease in the database says who trains.
    @app.task(name=TRAIN, acks_late=False)
    def train_run(run_id: int) -> str:
        structlog.contextvars.bind_contextvars(run=valid_id(run_id))
        try:
            trainer.train(run_id)
        except DatabaseError as exc:
            # Usually another schema. The run is still to be done, and upkeep sends it again.
            trainer.pause(exc.code)
        return "ended; see `thoraq train status`"


def bind_task(task_id: str | None = None, **_: Any) -> None:
    """Bind the task's id to its log lines."""
    structlog.contextvars.bind_contextvars(task_id=task_id)


def unbind_task(**_: Any) -> None:
    """Unbind the task's id."""
    structlog.contextvars.clear_contextvars()


signals.task_prerun.connect(bind_task)
signals.task_postrun.connect(unbind_task)
