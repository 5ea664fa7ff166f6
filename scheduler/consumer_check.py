"""The consumer check: whether a worker still consumes from its queues."""

from __future__ import annotations

from typing import Any

import structlog
from celery import bootsteps
from celery.exceptions import WorkerShutdown
from celery.worker.consumer.tasks import Tasks

from scheduler.errors import QueueForsaken

_log = structlog.stdlib.get_logger(__name__)

_PAUSE_SECONDS = 2.0


class ConsumerCheck(bootsteps.StartStopStep):
    """Checks every few seconds, and makes the worker consume from its queues again.

    A worker that has stopped consuming still answers, sends its heartbeat and looks idle.
    """

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._queues = tuple(consumer.app.amqp.queues.consume_from)
        self._look: Any = None
        self._forsaken = False

    def start(self, consumer: Any) -> None:
        """Start checking."""
        self._forsaken = False
        self._look = consumer.timer.call_repeatedly(_PAUSE_SECONDS, self.look, (consumer,))

    def stop(self, consumer: Any) -> None:
        """Stop checking: the connection is lost, or the worker ends."""
        del consumer
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def look(self, consumer: Any) -> None:
        """Check once. Raises WorkerShutdown if consuming again did not help."""
        tasks = consumer.task_consumer
        missing = [each for each in self._queues if each not in tasks.channel.active_queues]
        if not missing:
            self._forsaken = False
            return
        _log.error(
            "the worker did not consume from its queues", code=QueueForsaken.code, queues=missing
        )
        if self._forsaken:
            raise WorkerShutdown(1)  # its supervisor restarts it
        self._forsaken = True
        # All queues, since their order is their priority.
        for each in self._queues:
            tasks.cancel_by_queue(each)
        for each in self._queues:
            consumer.add_task_queue(each)
