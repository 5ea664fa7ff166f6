"""The notice of several commands that a batch is paused."""

from __future__ import annotations

from cli.output.shell import quoted
from db.database import Database
from db.pauses import paused_queues
from db.records import Batch
from db.states import QueueName


def paused(database: Database, batch: Batch) -> str | None:
    """Return why a batch is paused, and the command that resumes it; None: it is not paused."""
    if batch.paused_at is not None:
        since = batch.paused_at.astimezone().isoformat(sep=" ", timespec="minutes")
        return f"paused since {since}: `thoraq resume {quoted(batch.name)}`"
    queue = QueueName(batch.priority)
    if (at := paused_queues(database).get(queue)) is not None:
        since = at.astimezone().isoformat(sep=" ", timespec="minutes")
        return f"the {queue} queue is paused since {since}: `thoraq resume --queue {queue}`"
    return None
