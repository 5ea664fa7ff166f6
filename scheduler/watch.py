"""The watch: a folder whose complete files are taken in, once, and left where they lie.

The scan is the truth: events do not cross NFS and SMB, and miss what happened while nobody
listened. A file is complete once two scans find the same size and modification time. What was
taken stands in the database, so a restart takes nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from celery import Celery

from db.database import Database
from db.errors import DatabaseError
from db.intake import open_batch
from db.records import FileStat, IntakeCount, SeenFile
from db.states import Priority
from scheduler.errors import PlaceMissing
from scheduler.intake import Intake
from scheduler.settings import Settings
from scheduler.walk import Met, walk

_log = structlog.stdlib.get_logger(__name__)


class Watch:
    """Takes complete files of ``folder`` into the batch that is called like it."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        settings: Settings,
        *,
        app: Celery | None = None,
        batch: str | None = None,
        priority: Priority = Priority.ROUTINE,
        model: str | None = None,
        progress: Callable[[IntakeCount], None] | None = None,
    ) -> None:
        self._folder = folder.absolute()
        self._settings = settings
        self.batch = open_batch(database, batch or self._folder.name, priority)
        self._intake = Intake(
            database, self.batch, settings, app=app, model=model, progress=progress
        )
        # What the last scan found new or still growing.
        self._growing: dict[str, FileStat] = {}
        # Hashes of the stats that are done with: 8 bytes each, since an archive has many files.
        self._done: set[int] = set()

    def scan(self) -> IntakeCount:
        """Look once and take what has not changed since the scan before.

        Raises PlaceMissing, DatabaseError.
        """
        before, self._growing = self._growing, {}
        try:
            return self._intake.take(self._complete(before), keep=self._keep)
        except DatabaseError:
            # What was about to be recorded is not done; the file table knows the rest.
            self._done.clear()
            self._growing = before
            raise

    def once(self) -> IntakeCount:
        """Take what is complete now: two scans, ``watch_seconds`` apart."""
        self.scan()
        threading.Event().wait(self._settings.watch_seconds)
        return self.scan()

    def run(self, stop: threading.Event) -> None:
        """Scan until ``stop`` is set; a share or a database that is away is waited for."""
        while not stop.is_set():
            try:
                self.scan()
            except PlaceMissing as exc:
                _log.warning("the watched folder is away", code=exc.code)
            except DatabaseError as exc:
                if exc.permanent:
                    raise
                _log.warning("the database is away", code=exc.code)
            stop.wait(self._settings.watch_seconds)

    def _complete(self, before: dict[str, FileStat]) -> Iterator[Met]:
        for met in walk(self._folder, leave_out=[self._settings.state]):
            if hash(met.stat) in self._done:
                continue
            if met.refusal is not None and not met.refusal.permanent:
                _log.warning("part of the watched folder cannot be read", code=met.refusal.code)
            elif before.get(met.stat.path) == met.stat:
                self._done.add(hash(met.stat))
                yield met
            else:
                self._growing[met.stat.path] = met.stat

    def _keep(self, seen: SeenFile) -> bool:
        """Leave what may be readable later, such as a file that grew meanwhile, to that scan."""
        if seen.refusal is None or seen.refusal.permanent:
            return True
        self._done.discard(hash(seen.stat))
        self._growing[seen.stat.path] = seen.stat
        return False
