"""The heartbeat: a process that takes from queues says every few seconds that it is there."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer.tasks import Tasks

from scheduler.presence import BEAT_SECONDS, note_presence


class Heartbeat(bootsteps.StartStopStep):
    """Writes to Redis, where commands find it that would wait a second for an answer otherwise."""

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._queues = tuple(consumer.app.amqp.queues.consume_from)
        self._beat: Any = None

    def start(self, consumer: Any) -> None:
        """Beat from now on."""
        self.beat(consumer)
        self._beat = consumer.timer.call_repeatedly(BEAT_SECONDS, self.beat, (consumer,))

    def stop(self, consumer: Any) -> None:
        """Beat no longer; say so where the process ends, rather than its connection."""
        if self._beat is None:
            return
        self._beat.cancel()
        self._beat = None
        if (state.should_stop, state.should_terminate) != (None, None):
            self.beat(consumer, leaving=True)

    def beat(self, consumer: Any, *, leaving: bool = False) -> None:
        """Say once that it is there, or leaves."""
        with consumer.task_consumer.channel.conn_or_acquire() as client:
            note_presence(client, consumer.hostname, self._queues, leaving=leaving)
