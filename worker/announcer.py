"""The announcer: sends Celery events about chunks to monitors such as Flower.

It has its own thread: an unavailable broker does not delay measuring, and its events are lost.
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
    """Sends events about chunks for the worker ``hostname``; safe across a fork."""

    def __init__(self, app: Celery, hostname: str) -> None:
        self._app = app
        self._hostname = hostname
        self._waiting: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None

    def begin(self, task_id: str, claim: Claim) -> None:
        """Send the event that a chunk was claimed."""
        name = shown_name(claim.batch, len(claim.jobs))
        self._tell("task-started", uuid=task_id, name=name)

    def end(self, task_id: str, chunk: ChunkAtWork, seconds: float, code: str | None) -> None:
        """Send the event that a chunk ended. ``code``: why files of it are requeued."""
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
        if self._thread is None:  # started in the child, since threads do not survive the fork
            self._thread = threading.Thread(target=self._send, name="announcer", daemon=True)
            self._thread.start()
        with suppress(queue.Full):
            self._waiting.put_nowait((event, fields))

    def _send(self) -> None:
        dispatcher = self._app.events.Dispatcher(hostname=self._hostname, enabled=False)
        while True:
            event, fields = self._waiting.get()
            # Any error: measuring does not depend on events.
            with suppress(Exception), self._app.producer_or_acquire() as producer:
                dispatcher.publish(event, fields, producer, retry=False)
