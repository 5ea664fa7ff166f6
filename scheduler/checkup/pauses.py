"""What the operator is told of a pause: since when, and how to end it."""

from __future__ import annotations

from db.database import Database
from db.pauses import paused_queues
from db.records import Batch
from db.states import QueueName
from scheduler.checkup.remedy import quoted


def why_paused(database: Database, batch: Batch) -> str | None:
    """Return why nothing of a batch starts, with the command that resumes it; None: it runs."""
    if batch.paused_at is not None:
        since = batch.paused_at.astimezone().isoformat(sep=" ", timespec="minutes")
        return f"paused since {since}: `thoraq resume {quoted(batch.name)}`"
    queue = QueueName(batch.priority)
    if (at := paused_queues(database).get(queue)) is not None:
        since = at.astimezone().isoformat(sep=" ", timespec="minutes")
        return f"the {queue} queue is paused since {since}: `thoraq resume --queue {queue}`"
    return None
