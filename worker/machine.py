"""The machine on trial: whether several failures in a row are the files' fault or its own."""

from __future__ import annotations

from pathlib import Path

from db.records import ClaimedJob, Refusal
from radiograph.errors import FileUnavailable
from worker.breaker import Breaker
from worker.errors import FolderAway, ReaderUnavailable, RootUnknown
from worker.readers.connection import RefusedFile
from worker.readers.pool import Readers
from worker.readers.sample import sample_job


class Machine:
    """Tells folders that are away and readers that fail from files that do."""

    def __init__(self, readers: Readers, breaker: Breaker, min_side_px: int) -> None:
        self._readers = readers
        self._breaker = breaker
        self._min_side_px = min_side_px

    def note(self, job: ClaimedJob, refusal: Refusal | None) -> None:
        """Note what became of a file, None: it was read. Raises FolderAway, ReaderUnavailable."""
        if refusal is None:
            self._breaker.note(None)
        elif self._breaker.note(refusal.code):
            self._try(job, refusal)
            self._breaker.acquit()

    def _try(self, job: ClaimedJob, refusal: Refusal) -> None:
        if refusal.code in {FileUnavailable.code, RootUnknown.code}:
            if not any(Path(path).parent.is_dir() for path in job.paths):
                raise FolderAway
            return
        with sample_job(self._min_side_px) as sample:
            for _, read in self._readers.read([sample]):
                if isinstance(read, RefusedFile):
                    raise ReaderUnavailable.because(read.refusal.code)
