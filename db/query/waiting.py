"""Files that wait for a worker."""

from __future__ import annotations

from collections.abc import Sequence

from db.database import Database
from db.pauses import paused_queues
from db.query.status import all_statuses
from db.records import BatchStatus
from db.states import QueueName


def waiting_files(database: Database, statuses: Sequence[BatchStatus] | None = None) -> int:
    """Return how many files wait or are at work, without those that are paused.

    ``statuses``: of the batches that count; every batch where None.
    """
    found = all_statuses(database) if statuses is None else statuses
    held = paused_queues(database)
    return sum(
        each.open
        for each in found
        if each.batch.paused_at is None and QueueName(each.batch.priority) not in held
    )
