"""The consumer check: whether a worker still takes from the queues that it was started for."""

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
    """Looks every few seconds, and has the worker take from its queues again.

    A worker that takes nothing answers, sends its heartbeat and looks idle.
    """

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._queues = tuple(consumer.app.amqp.queues.consume_from)
        self._look: Any = None
        self._forsaken = False

    def start(self, consumer: Any) -> None:
        """Look from now on."""
        self._forsaken = False
        self._look = consumer.timer.call_repeatedly(_PAUSE_SECONDS, self.look, (consumer,))

    def stop(self, consumer: Any) -> None:
        """Look no longer: the connection is gone, or the worker ends."""
        del consumer
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def look(self, consumer: Any) -> None:
        """Look once. Raises WorkerShutdown where taking them again did not help."""
        tasks = consumer.task_consumer
        missing = [each for each in self._queues if each not in tasks.channel.active_queues]
        if not missing:
            self._forsaken = False
            return
        _log.error("the worker took nothing", code=QueueForsaken.code, queues=missing)
        if self._forsaken:
            raise WorkerShutdown(1)  # whoever supervises it starts it again
        self._forsaken = True
        # All of them, since their order is their priority.
        for each in self._queues:
            tasks.cancel_by_queue(each)
        for each in self._queues:
            consumer.add_task_queue(each)
