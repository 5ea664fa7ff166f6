"""The watch: a folder whose complete files are queued once.

Scans are authoritative: events do not cross NFS and SMB, and are missed while no watch is running.
A file is complete once it was closed or renamed into the folder, or was unchanged for a time. Files
already taken are recorded in the database, so a restart queues nothing twice. Files stay where they
are, or are put away once they have ended.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import structlog
from celery import Celery

from db.database import Database
from db.errors import BatchUnknown, DatabaseError
from db.intake import open_batch
from db.records import IntakeCount, SeenFile
from db.states import Priority
from scheduler.database_wait import AbsenceNote
from scheduler.errors import PlaceAltered, PlaceMissing
from scheduler.intake.closed_files import ClosedFiles
from scheduler.intake.put_away import After, PutAway
from scheduler.intake.submission import Intake
from scheduler.intake.walk import FoundFile, walk_resolved
from scheduler.pulse import Pulse, PulseKind
from scheduler.roots import check_allowed
from scheduler.settings import Settings

#: A watch without progress for this time plus this many pauses between scans is unhealthy.
_ILL_SECONDS, _ILL_SCANS = 120.0, 3

_log = structlog.stdlib.get_logger(__name__)


class Watch:
    """Queues complete files of ``folder``; the batch is named after it unless ``batch`` is given.

    ``remedies``: remedy of each code, for the table in ``failed/``.
    """

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
        after: After = After.LEAVE,
        remedies: Mapping[str, str] | None = None,
        progress: Callable[[IntakeCount], None] | None = None,
    ) -> None:
        # Resolved once: a link given by the operator is followed, a link that replaces it is not.
        self._folder = check_allowed(folder, settings.allowed_roots)
        self._settings = settings
        self._database = database
        self._puts_away = after is not After.LEAVE
        self.batch = open_batch(
            database, batch or folder.absolute().name, priority, puts_away=self._puts_away
        )
        self._intake = Intake(
            database, self.batch, settings, app=app, model=model, progress=progress
        )
        self._closings = ClosedFiles(self._folder)
        # Stats are kept as hashes, since an archive has many files: of new and growing files, with
        # the time of their last change; and of files that were taken.
        self._waiting: dict[int, float] = {}
        self._done: set[int] = set()
        self._forgotten = False
        # Complete files of the last scan that could not be read, and why.
        self._unreadable = 0
        self._why = ""
        ill_seconds = _ILL_SECONDS + _ILL_SCANS * settings.watch_seconds
        self._pulse = Pulse(settings.state, PulseKind.WATCH, str(self._folder), ill_seconds)
        self._put_away = PutAway(
            database,
            self.batch,
            self._folder,
            after,
            remedies or {},
            went_on=self._pulse.beat,
        )

    def scan(self) -> IntakeCount:
        """Scan once, queue complete files and put away ended ones.

        Raises PlaceMissing, DatabaseError, PlaceAltered after files were queued, and BatchUnknown
        if the batch was forgotten; the next scan then opens a new batch of the same name.
        """
        if self._forgotten:
            self._open_again()
        waiting, done = self._waiting, self._done
        self._waiting, self._done = {}, set()
        before, self._unreadable = self._unreadable, 0
        try:
            count = self._intake.take(self._complete(waiting, done), keep=self._keep)
        except BaseException as exc:
            # Files about to be recorded are not done; the others are in the database, unless the
            # batch was forgotten.
            self._waiting, self._done = waiting, done
            self._forgotten = isinstance(exc, BatchUnknown)
            raise
        if self._unreadable not in {0, before}:
            _log.warning("files wait to become readable", files=self._unreadable, code=self._why)
        try:
            put = self._put_away.run()
        except BatchUnknown:
            self._forgotten = True
            raise
        for stat in put:
            self._done.discard(hash(stat))
        self._pulse.beat()
        return count

    def once(self) -> IntakeCount:
        """Queue the files that are complete now: two scans, ``settle_seconds`` apart.

        Raises as `scan`, PlaceAltered only after the second scan.
        """
        first = IntakeCount()
        self._pulse.mute()  # another process may be watching this folder
        try:
            with contextlib.suppress(PlaceAltered):
                first = self.scan()
            threading.Event().wait(self._settings.settle_seconds)
            return first + self.scan()
        finally:
            self.leave()

    def run(self, stop: threading.Event, after_scan: Callable[[], None] | None = None) -> None:
        """Scan until ``stop`` is set; wait for an unavailable share or database."""
        absence = AbsenceNote()
        try:
            while not stop.is_set():
                try:
                    self.listen()
                    self.scan()
                    absence.end()
                except PlaceMissing as exc:
                    self.close()  # a remounted folder needs a new listener
                    _log.warning("the watched folder is unavailable", code=exc.code)
                except PlaceAltered as exc:
                    absence.end()
                    # One sender may have caused it; go on with other senders' files.
                    _log.warning("files cannot be put away", code=exc.code)
                except BatchUnknown as exc:
                    absence.end()
                    _log.warning("the batch was forgotten; new files open another", code=exc.code)
                except DatabaseError as exc:
                    if not exc.awaited:
                        raise
                    absence.note(exc)
                if after_scan is not None:
                    after_scan()
                stop.wait(self._settings.watch_seconds)
        except BaseException:
            self.close()  # its pulse stops, so `thoraq health` reports it
            raise
        self.leave()

    def listen(self) -> None:
        """Start listening for file events; closed files need not settle."""
        self._closings.start()

    def close(self) -> None:
        """Stop listening for file events."""
        self._closings.stop()

    def leave(self) -> None:
        """End the watch on purpose, and remove its pulse."""
        self.close()
        self._pulse.end()

    def _open_again(self) -> None:
        """Open the batch again, without the files taken before. Raises DatabaseError."""
        self.batch = open_batch(
            self._database, self.batch.name, self.batch.priority, puts_away=self._puts_away
        )
        self._intake.batch = self._put_away.batch = self.batch
        self._forgotten = False

    def _complete(self, waiting: dict[int, float], done: set[int]) -> Iterator[FoundFile]:
        now = time.monotonic()
        left_out = [self._settings.state.resolve(), *self._put_away.not_watched]
        for found in walk_resolved(self._folder, leave_out=left_out):
            self._pulse.beat()  # a scan of many new files is slow
            key = hash(found.stat)
            if key in done:
                self._done.add(key)
                continue
            if found.refusal is not None and not found.refusal.permanent:
                _log.warning("part of the watched folder cannot be read", code=found.refusal.code)
                continue
            since = waiting.get(key)
            settled = since is not None and now - since >= self._settings.settle_seconds
            if settled or self._closings.was_closed(found.stat):
                self._done.add(key)
                yield found
            else:
                self._waiting[key] = now if since is None else since

    def _keep(self, seen: SeenFile) -> bool:
        """Whether to record a file now; one that may be readable later waits for the next scan."""
        self._pulse.beat()  # reading a thousand files of a slow share takes long
        if seen.refusal is None or seen.refusal.permanent:
            return True
        self._done.discard(hash(seen.stat))
        self._waiting[hash(seen.stat)] = time.monotonic()
        self._unreadable += 1
        self._why = seen.refusal.code
        return False
