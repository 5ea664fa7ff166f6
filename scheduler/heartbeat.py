"""The heartbeat: a process that consumes from queues records every few seconds that it runs."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer.tasks import Tasks
from redis.exceptions import RedisError

from scheduler.child_beat import ChildBeat
from scheduler.messages import TRAINING_QUEUE, UPKEEP_QUEUE
from scheduler.presence import BEAT_SECONDS, note_presence
from scheduler.pulse import Pulse, PulseKind

#: A worker is unhealthy if its loop is silent, or waiting messages are not taken, for this long.
ILL_SECONDS = 60.0


class Heartbeat(bootsteps.StartStopStep):
    """Records the presence in Redis, so that commands need not wait a second for an answer.

    A worker also writes its pulse, for `thoraq health` on its own machine.
    """

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._queues = tuple(consumer.app.amqp.queues.consume_from)
        self._beat: Any = None
        self._pulse = _pulse_of(consumer, self._queues)
        self._child = None if self._pulse is None else ChildBeat()  # before the pool forks
        self._taken = 0
        self._idle_since: float | None = None

    def start(self, consumer: Any) -> None:
        """Start beating."""
        self.beat(consumer)
        self._beat = consumer.timer.call_repeatedly(BEAT_SECONDS, self.beat, (consumer,))

    def stop(self, consumer: Any) -> None:
        """Stop beating; record the end if the process ends, not just its connection."""
        if self._beat is None:
            return
        self._beat.cancel()
        self._beat = None
        if (state.should_stop, state.should_terminate) != (None, None):
            self.beat(consumer, leaving=True)
            if self._pulse is not None:
                self._pulse.end()

    def beat(self, consumer: Any, *, leaving: bool = False) -> None:
        """Record once that the process runs, or leaves."""
        with consumer.task_consumer.channel.conn_or_acquire() as client:
            note_presence(client, consumer.hostname, self._queues, leaving=leaving)
            if self._pulse is not None and self._child is not None:
                self._pulse.beat(self._idle_seconds(client), self._child.silent_seconds)

    def _idle_seconds(self, client: Any) -> float:
        """Return for how long messages have been waiting while this worker is idle."""
        taken = sum(state.total_count.values())
        busy = bool(state.active_requests or state.reserved_requests) or taken != self._taken
        self._taken = taken
        waiting = 0
        with suppress(RedisError, OSError):  # unavailable, or a key of the wrong type
            waiting = sum(client.llen(each) for each in self._queues)
        if busy or not waiting:
            self._idle_since = None
            return 0.0
        now = time.monotonic()
        self._idle_since = now if self._idle_since is None else self._idle_since
        return now - self._idle_since


def _pulse_of(consumer: Any, queues: tuple[str, ...]) -> Pulse | None:
    """Return the pulse of a worker; the scheduler's pulse is written by its rounds."""
    folder = consumer.app.conf.get("thoraq_state")
    if folder is None or UPKEEP_QUEUE in queues:
        return None
    kind = PulseKind.TRAIN if TRAINING_QUEUE in queues else PulseKind.WORKER
    return Pulse(Path(folder), kind, consumer.hostname, ILL_SECONDS)
