"""A chunk in progress: a claim and its outcomes so far."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from db.records import Claim, ClaimedJob, Outcome, Refusal
from radiograph.errors import Disposition
from worker.errors import WorkerError
from worker.file_measurement import FileMeasurement
from worker.lease import Lease


@dataclass(slots=True, eq=False)
class ChunkAtWork:
    """A claim between reading, network and database.

    ``unread``: files without an answer of a reading process. ``unended``: files without an
    outcome, including those being read. ``failure``: why the rest is released.
    ``closed``: no more outcomes are added. ``task_id``: of the message.
    """

    claim: Claim
    lease: Lease
    measurement: FileMeasurement
    task_id: str | None = None
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
        """Return whether a file was tried before, and may have killed a worker."""
        return any(job.attempt > 1 for job in self.claim.jobs)

    def refused(self) -> Iterator[tuple[ClaimedJob, Refusal]]:
        """Return the jobs that were not measured, and why; some of them may be retried."""
        jobs = {job.job_id: job for job in self.claim.jobs}
        for each in self.outcomes:
            if each.refusal is not None:
                yield jobs[each.job_id], each.refusal

    def counts(self) -> dict[str, int]:
        """Return how many files were measured, set aside, failed, and failed transiently."""
        kinds = Counter(
            "transient" if not refusal.permanent else str(refusal.disposition)
            for _, refusal in self.refused()
        )
        return {
            "measured": len(self.outcomes) - kinds.total(),
            "set_aside": kinds[str(Disposition.SET_ASIDE)],
            "failed": kinds[str(Disposition.FAILED)],
            "transient": kinds["transient"],
        }
