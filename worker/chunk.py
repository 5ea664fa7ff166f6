"""A chunk at work: what one claim has come to so far."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from db.records import Claim, Outcome
from worker.errors import WorkerError
from worker.lease import Lease
from worker.pipeline import Pipeline


@dataclass(slots=True, eq=False)
class ChunkAtWork:
    """A claim on its way through reading, network and database.

    ``unread``: files that no reading process has answered for. ``unended``: files without an
    outcome, those that are being read included. ``failure``: why the rest is given back.
    ``closed``: nothing is added any more.
    """

    claim: Claim
    lease: Lease
    pipeline: Pipeline
    outcomes: list[Outcome] = field(default_factory=list)
    failure: WorkerError | None = None
    closed: bool = False
    abandoned: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)
    unread: int = field(init=False)
    unended: int = field(init=False)

    def __post_init__(self) -> None:
        self.unread = self.unended = len(self.claim.jobs)

    @property
    def came_back(self) -> bool:
        """Whether a file of it was tried before, and may be what ended a worker."""
        return any(job.attempt > 1 for job in self.claim.jobs)
