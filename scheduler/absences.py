"""Absences: which of broker, scheduler and workers do not answer, and since when."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from scheduler.broker import broker_url
from scheduler.errors import SchedulerError
from scheduler.messages import ROUTINE_QUEUE, UPKEEP_QUEUE
from scheduler.presence import Presence, read_presences
from scheduler.settings import Settings

#: A broker that takes longer to answer counts as unavailable.
PATIENCE_SECONDS = 1.0


class Part(StrEnum):
    """A part that must run for files to be measured."""

    BROKER = "broker"
    SCHEDULER = "scheduler"
    WORKER = "worker"


#: The queue that identifies the processes of each part.
_QUEUE_OF = {Part.SCHEDULER: UPKEEP_QUEUE, Part.WORKER: ROUTINE_QUEUE}


@dataclass(frozen=True, slots=True)
class Absence:
    """A part that does not answer.

    ``since`` and ``name``: when the last process of this part answered, and its name; None if the
    broker has no record of one, or is unavailable itself.
    """

    part: Part
    since: datetime | None = None
    name: str | None = None


def find_absences(settings: Settings) -> list[Absence] | None:
    """Return the parts that do not answer, within about a second; None: this user cannot tell."""
    if is_closed(settings):
        return None
    try:
        url = broker_url(settings)
        found = read_presences(url, PATIENCE_SECONDS)
    except SchedulerError:
        return [Absence(Part.BROKER)]
    absent = [
        _absence(part, found or [])
        for part, queue in _QUEUE_OF.items()
        if not any(each.is_here and queue in each.queues for each in found or [])
    ]
    if not absent:
        return []
    # Confirm by asking the workers themselves: those of older releases, or without the right to
    # record their presence, still answer. Imported late because it loads Celery.
    from scheduler.queue_listeners import queues_taken  # noqa: PLC0415

    taken = frozenset[str]().union(*queues_taken(url).values())
    if found is None and not taken:
        return None  # this Redis user may only send
    return [each for each in absent if _QUEUE_OF[each.part] not in taken]


def is_closed(settings: Settings) -> bool:
    """Whether the embedded broker belongs to another user, so that it cannot be asked."""
    if settings.broker_url is not None:
        return False
    own = settings.state / "broker"
    try:
        return own.exists() and not os.access(own, os.X_OK)
    except PermissionError:  # the state folder is closed too
        return True


def _absence(part: Part, found: list[Presence]) -> Absence:
    last = min(
        (each for each in found if _QUEUE_OF[part] in each.queues),
        key=lambda each: each.silent_seconds,
        default=None,
    )
    if last is None:
        return Absence(part)
    return Absence(part, datetime.now(UTC) - timedelta(seconds=last.silent_seconds), last.name)
