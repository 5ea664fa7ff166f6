"""Intake: recording files and queueing each content once, in chunks.

A file's row is written in the transaction that queues its job; messages are sent after the commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from pathlib import Path

import structlog
from celery import Celery

from db.archive import is_hashed
from db.database import Database
from db.errors import DatabaseRefused
from db.intake import forget_unread, read_files, record_files, unread_paths
from db.models import find_model, served_model
from db.records import Batch, FileStat, IntakeCount, Refusal, SeenFile
from radiograph.errors import Unrecordable
from scheduler.errors import BrokerUnavailable, NoModelServed
from scheduler.intake.content import look_into
from scheduler.intake.walk import FoundFile, is_outdated, walk_resolved
from scheduler.relay import relay
from scheduler.roots import check_allowed
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

#: Most files looked up at a time and recorded in one transaction.
_BLOCK = 1000
#: Files are recorded after this time at the latest, so that workers start early on slow shares.
_PATIENCE_SECONDS = 2.0
#: Files hashed at once: hashing waits for disks and shares, and releases the GIL.
_HASHING_THREADS = 4


def enqueue(
    database: Database,
    paths: Sequence[Path],
    batch: Batch,
    settings: Settings,
    *,
    app: Celery | None = None,
    model: str | None = None,
    progress: Callable[[IntakeCount], None] | None = None,
) -> IntakeCount:
    """Queue every file at and below ``paths``; known files of the batch are not read again.

    Without ``app`` the chunks wait in the database for the upkeep. ``model``: version of the
    network; None: the served one.
    Raises PlaceMissing, PlaceForbidden, NoModelServed, ModelUnknown.
    """
    files = found_below(paths, settings)
    intake = Intake(database, batch, settings, app=app, model=model, again=True, progress=progress)
    outdated = _forget_outdated(database, batch, _allowed(paths, settings))
    return outdated + intake.take(files)


def _allowed(paths: Sequence[Path], settings: Settings) -> list[Path]:
    return [check_allowed(path, settings.allowed_roots) for path in paths]


def _forget_outdated(database: Database, batch: Batch, paths: Sequence[Path]) -> IntakeCount:
    """Forget unreadable paths below ``paths`` that no longer apply.

    An unreadable folder counts as one failure until it can be opened and its files count.
    """
    given = [str(each) for each in paths]
    unread = unread_paths(database, batch.id)
    outdated = [
        path
        for path in unread
        if any(path == each or path.startswith(each.rstrip("/") + "/") for each in given)
        and is_outdated(path)
    ]
    if any(map(is_hashed, unread)):  # find the folders by hashing every folder
        folders = (folder for each in given for folder, *_ in os.walk(each))
        outdated += filter(is_outdated, folders)
    return forget_unread(database, batch.id, outdated) if outdated else IntakeCount()


def found_below(paths: Sequence[Path], settings: Settings) -> Iterator[FoundFile]:
    """Return an iterator over the files at and below ``paths``, except the state folder.

    Raises PlaceMissing, PlaceForbidden before the first file.
    """
    allowed = _allowed(paths, settings)
    state = settings.state.resolve()
    for path in allowed:
        next(walk_resolved(path, leave_out=[state]), None)  # raise for a missing path at once
    walks = (walk_resolved(path, leave_out=[state]) for path in allowed)
    return chain.from_iterable(walks)


class Intake:
    """Queues files of ``batch`` and counts them.

    ``again``: also queue known files that wait for their path, which was not stored.
    """

    def __init__(
        self,
        database: Database,
        batch: Batch,
        settings: Settings,
        *,
        app: Celery | None = None,
        model: str | None = None,
        again: bool = False,
        progress: Callable[[IntakeCount], None] | None = None,
    ) -> None:
        self._again = again
        self._database = database
        self.batch = batch
        self._settings = settings
        self._app = app
        self._progress = progress
        self._model = model
        self._model_version = self._measuring()
        self.count = IntakeCount()

    def take(
        self, files: Iterable[FoundFile], *, keep: Callable[[SeenFile], bool] | None = None
    ) -> IntakeCount:
        """Record files and send their chunks; ``keep`` may leave a file to a later scan."""
        before = self.count
        self._model_version = self._measuring()  # a promotion applies from the next scan
        pool = ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="hashing")
        try:
            waiting: list[SeenFile] = []
            recorded_at = time.monotonic()
            for seen in self._look(files, pool):
                if keep is None or keep(seen):
                    waiting.append(seen)
                impatient = time.monotonic() - recorded_at > _PATIENCE_SECONDS
                if len(waiting) >= _BLOCK or impatient:
                    self._record(waiting)
                    waiting = []
                    recorded_at = time.monotonic()
            self._record(waiting)
        finally:
            pool.shutdown(cancel_futures=True)
        return _difference(self.count, before)

    def _measuring(self) -> str:
        """Return the version of the network to queue for. Raises NoModelServed, ModelUnknown."""
        if self._model is not None:
            return find_model(self._database, self._model).version
        served = served_model(self._database)
        if served is None:
            raise NoModelServed
        return served.version

    def _look(self, files: Iterable[FoundFile], pool: ThreadPoolExecutor) -> Iterator[SeenFile]:
        names = iter(files)
        while block := list(islice(names, _BLOCK)):
            stats = [each.stat for each in block]
            known = read_files(self._database, self.batch, stats, again=self._again)
            if known:
                self._add(IntakeCount(seen=len(known), known=len(known)))
            fresh = [each for each in block if each.stat not in known]
            yield from pool.map(partial(_seen, max_file_mb=self._settings.max_file_mb), fresh)

    def record(self, files: Sequence[SeenFile]) -> IntakeCount:
        """Record files that were looked into already, and send their chunks. Raises as `take`."""
        before = self.count
        self._model_version = self._measuring()
        self._record(list(files))
        return _difference(self.count, before)

    def _record(self, files: list[SeenFile]) -> None:
        if not files:
            if self._progress is not None:
                self._progress(self.count)
            return
        self._add(self._recorded(files))
        if self._app is None:
            return
        try:
            relay(self._database, self._app)
        except BrokerUnavailable:
            # The rows are committed; the upkeep sends their chunks once the broker answers.
            self._app = None
            _log.warning("no broker; chunks wait in the database", code=BrokerUnavailable.code)

    def _recorded(self, files: list[SeenFile]) -> IntakeCount:
        """Record files; if the database refuses one, record the others. Raises DatabaseError."""
        chunk_size = self._settings.chunk_size
        try:
            return record_files(
                self._database,
                self.batch,
                files,
                self._model_version,
                chunk_size,
                again=self._again,
            )
        except DatabaseRefused:
            if len(files) > 1:
                half = len(files) // 2
                return self._recorded(files[:half]) + self._recorded(files[half:])
            if files[0].refusal is not None and files[0].refusal.code == Unrecordable.code:
                raise  # refused although only its path was left, so its values are not the reason
        bare = FileStat(files[0].stat.path, 0, 0)
        reason = Refusal.of(Unrecordable())
        return self._recorded([SeenFile(bare, refusal=reason)])

    def _add(self, more: IntakeCount) -> None:
        self.count += more
        if self._progress is not None:
            self._progress(self.count)


def _seen(found: FoundFile, max_file_mb: int) -> SeenFile:
    if found.refusal is not None:
        return SeenFile(found.stat, refusal=found.refusal)
    return look_into(found.stat, max_file_mb)


def _difference(now: IntakeCount, before: IntakeCount) -> IntakeCount:
    return IntakeCount(
        seen=now.seen - before.seen,
        queued=now.queued - before.queued,
        duplicates=now.duplicates - before.duplicates,
        refused=now.refused - before.refused,
        known=now.known - before.known,
        reopened=now.reopened - before.reopened,
    )
