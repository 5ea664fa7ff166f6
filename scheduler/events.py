"""Events: what Flower shows of a chunk.

Messages contain only numbers, so the worker that claims a chunk sends its name. The message is
acknowledged before the chunk is stored, so the worker that stores it reports its end.
"""

from __future__ import annotations

from typing import Any

from celery.app.events import Events as CeleryEvents
from celery.events.dispatcher import EventDispatcher

from scheduler.messages import MEASURE
from scheduler.terminal import printable

#: Results of tasks whose end is reported by the child process.
_REPORTED_LATER = (None, "None")
#: Flower escapes names; other monitors may not.
_HARMLESS = str.maketrans(dict.fromkeys("<>&\"'`", "_"))
_LONGEST_NAME = 80


class Dispatcher(EventDispatcher):
    """Sends a worker's events, except the end of tasks that their child reports."""

    def send(self, type: str, *arguments: Any, **fields: Any) -> Any:  # noqa: A002 - Celery's
        """Send an event."""
        if type == "task-succeeded" and fields.get("result") in _REPORTED_LATER:
            return None
        if type == "task-received" and fields.get("name") == MEASURE:
            # It is sent late, and would overwrite the chunk's name.
            del fields["name"]
        return super().send(type, *arguments, **fields)


class Events(CeleryEvents):
    """Celery's events with our dispatcher."""

    dispatcher_cls = f"{__name__}:Dispatcher"


def shown_name(batch: str | None, radiographs: int) -> str:
    """Return a chunk's name for a page: short, in one line, without HTML characters."""
    text = printable(batch or "several batches").translate(_HARMLESS)
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "…"
    return f"{text} · {radiographs} radiograph{'' if radiographs == 1 else 's'}"
