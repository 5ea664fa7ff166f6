"""Events: what Flower shows of a chunk.

Messages hold numbers alone, so a chunk gets its name from the worker that claimed it. Its message
is done before the chunk is stored, so its end is told by the worker that stored it.
"""

from __future__ import annotations

from typing import Any

from celery.app.events import Events as CeleryEvents
from celery.events.dispatcher import EventDispatcher

from scheduler.messages import MEASURE
from scheduler.terminal import printable

#: What Celery says of a task that returned None: its child tells the end.
_TOLD_LATER = (None, "None")
#: Flower escapes names; pages of others may not.
_HARMLESS = str.maketrans(dict.fromkeys("<>&\"'`", "_"))
_LONGEST_NAME = 80


class Dispatcher(EventDispatcher):
    """Sends a worker's events, but for the end of a task whose child tells it."""

    def send(self, type: str, *arguments: Any, **fields: Any) -> Any:  # noqa: A002 - Celery's
        """Send an event."""
        if type == "task-succeeded" and fields.get("result") in _TOLD_LATER:
            return None
        if type == "task-received" and fields.get("name") == MEASURE:
            # It is sent late, and would take the chunk's name away again.
            del fields["name"]
        return super().send(type, *arguments, **fields)


class Events(CeleryEvents):
    """Celery's events with our dispatcher."""

    dispatcher_cls = f"{__name__}:Dispatcher"


def shown_name(batch: str | None, radiographs: int) -> str:
    """Return a chunk's name for a page: bounded, in one line, without what HTML would obey."""
    text = printable(batch or "several batches").translate(_HARMLESS)
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "…"
    return f"{text} · {radiographs} radiograph{'' if radiographs == 1 else 's'}"
