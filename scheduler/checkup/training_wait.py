"""Why a training run does not go on."""

from __future__ import annotations

from datetime import UTC, datetime

from db.database import Database
from db.states import RunState
from db.training.records import TrainingRun
from db.training.runs import list_runs
from scheduler.broker import broker_url, ping
from scheduler.messages import TRAINING_QUEUE
from scheduler.settings import Settings

START = "start `thoraq up --training`, or `thoraq worker --queues training` on another machine"


def waiting_for(run: TrainingRun, database: Database, settings: Settings) -> str:
    """Return what a run waits for; empty where it goes on or is over."""
    if is_silent(run):
        return f"{run.worker} is silent; another training worker goes on from the last checkpoint"
    if run.state is not RunState.QUEUED:
        return "cancelling: the worker writes a checkpoint" if run.cancel_requested else ""
    url = broker_url(settings)
    if ping(url) is None:
        return f"no broker answers: {START}"
    # Celery, which nothing else here needs.
    from scheduler.queue_listeners import workers_of  # noqa: PLC0415

    if not workers_of(url, TRAINING_QUEUE):
        return f"no training worker is seen: {START}"
    for other in list_runs(database):
        if other.state is RunState.RUNNING:
            return f"waits for {other.name}, which {other.worker} trains"
    return "a worker takes it within seconds"


def is_silent(run: TrainingRun) -> bool:
    """Whether the worker of a running run has missed its lease."""
    lease = run.lease_expires_at
    return run.state is RunState.RUNNING and lease is not None and lease < datetime.now(UTC)
