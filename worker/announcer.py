"""The announcer: tells whoever watches, such as Flower, which chunk is at work and how it ended.

From a thread of its own: a broker that is away keeps nothing from being measured, and what it was
not told is lost.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import Any

from celery import Celery

from db.records import Claim
from scheduler.events import shown_name
from worker.chunk import ChunkAtWork

_MOST_WAITING = 100


class Announcer:
    """Sends events of chunks in the name of the worker ``hostname``; safe across a fork."""

    def __init__(self, app: Celery, hostname: str) -> None:
        self._app = app
        self._hostname = hostname
        self._waiting: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None

    def begin(self, task_id: str, claim: Claim) -> None:
        """Tell that a chunk was claimed."""
        name = shown_name(claim.batch, len(claim.jobs))
        self._tell("task-started", uuid=task_id, name=name)

    def end(self, task_id: str, chunk: ChunkAtWork, seconds: float, code: str | None) -> None:
        """Tell what became of a chunk. ``code``: why files of it are queued again."""
        counts = chunk.counts()
        summary = ", ".join(
            f"{name.replace('_', ' ')} {count}"
            for name, count in counts.items()
            if count or name != "transient"
        )
        if code is not None:
            self._tell("task-retried", uuid=task_id, exception=f"{code}: {summary}")
        elif counts["measured"] or counts["set_aside"]:
            self._tell("task-succeeded", uuid=task_id, result=summary, runtime=seconds)
        else:
            self._tell("task-failed", uuid=task_id, exception=summary, result=summary)

    def _tell(self, event: str, **fields: Any) -> None:
        if self._thread is None:  # in the child, whose threads the fork did not bring
            self._thread = threading.Thread(target=self._send, name="announcer", daemon=True)
            self._thread.start()
        with suppress(queue.Full):
            self._waiting.put_nowait((event, fields))

    def _send(self) -> None:
        dispatcher = self._app.events.Dispatcher(hostname=self._hostname, enabled=False)
        while True:
            event, fields = self._waiting.get()
            # Whatever it is: nobody's work depends on it.
            with suppress(Exception), self._app.producer_or_acquire() as producer:
                dispatcher.publish(event, fields, producer, retry=False)
