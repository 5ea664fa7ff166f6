"""The Celery app, used to send, to work and to monitor."""

from __future__ import annotations

from pathlib import Path

from celery import Celery
from kombu import Queue

from scheduler.messages import (
    MEASURE,
    ROUTINE_QUEUE,
    TASK_QUEUES,
    TRAIN,
    TRAINING_QUEUE,
    UPKEEP,
    UPKEEP_QUEUE,
)
from scheduler.transport import register_transports

#: Options of the Redis transport; seconds. Without a socket timeout a half-open connection is never
#: noticed. A dead worker's chunk is recovered long before the visibility timeout, since the
#: database, not Redis, records who holds it.
_TRANSPORT = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Queues are read in the order a worker lists them, so urgent chunks come first.
    "queue_order_strategy": "priority",
}


def create_app(
    broker_url: str, *, remote_control: bool = False, state: Path | None = None
) -> Celery:
    """Return an app for the Redis at ``broker_url``; no connection is opened.

    ``remote_control``: whether a worker obeys commands that change something. ``state``: the state
    folder in which a worker writes its pulse.
    """
    register_transports()
    # Referenced by name, so that processes that only send do not load it.
    app = Celery("thoraq", broker=broker_url, events="scheduler.events:Events")
    app.conf.update(
        # The database holds results and the number of attempts; Redis only carries numbers.
        task_ignore_result=True,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        # Referenced by name for the same reason.
        worker_consumer="scheduler.admission:GuardedConsumer",
        worker_enable_remote_control=False,  # replaced by GuardedControl below
        thoraq_remote_control=remote_control,
        thoraq_state=None if state is None else str(state),
        event_serializer="json",
        task_queues=[Queue(name) for name in TASK_QUEUES],
        task_default_queue=ROUTINE_QUEUE,
        task_create_missing_queues=False,
        task_routes={
            MEASURE: {"queue": ROUTINE_QUEUE},
            TRAIN: {"queue": TRAINING_QUEUE},
            UPKEEP: {"queue": UPKEEP_QUEUE},
        },
        # A message stays in Redis until its chunk is stored, and a worker takes one at a time, so
        # an urgent chunk waits for at most one routine chunk.
        worker_prefetch_multiplier=1,
        task_acks_late=True,
        # True would retry a chunk that kills workers for ever; recovery counts and halves it.
        task_reject_on_worker_lost=False,
        worker_proc_alive_timeout=60.0,  # a child may take longer than 4 s to start
        # Otherwise Celery prints a banner and replaces the root logger's handlers.
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        task_send_sent_event=False,  # it would show no batch name: messages contain numbers
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_TRANSPORT,
        timezone="UTC",
    )
    app.steps["consumer"].update(
        {
            "scheduler.control:GuardedControl",
            "scheduler.consumer_check:ConsumerCheck",
            "scheduler.heartbeat:Heartbeat",
        }
    )
    return app
