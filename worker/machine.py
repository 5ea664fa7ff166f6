"""Testing whether several failures in a row are due to the machine or to damaged files."""

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
    """Distinguishes unavailable folders and failing reading processes from damaged files."""

    def __init__(self, readers: Readers, breaker: Breaker, min_side_px: int) -> None:
        self._readers = readers
        self._breaker = breaker
        self._min_side_px = min_side_px

    def note(self, job: ClaimedJob, refusal: Refusal | None) -> None:
        """Count a file's refusal, None if it was read. Raises FolderAway, ReaderUnavailable."""
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
