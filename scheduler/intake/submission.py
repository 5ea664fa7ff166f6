"""Intake: files become rows and chunks, each content once.

A file's row is written in the transaction that queues its job; messages follow the commit.
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
from scheduler.intake.walk import Met, is_outdated, walk_resolved
from scheduler.relay import relay
from scheduler.roots import check_allowed
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

#: Names held at a time, and rows written in one transaction at most.
_BLOCK = 1000
#: What is known after this long is recorded, so that workers start before a slow share is read.
_PATIENCE_SECONDS = 2.0
#: Files hashed at once: hashing waits for disks and shares, and lets other threads run.
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
    """Take in every file at and below ``paths``; files the batch knows are not read again.

    Without ``app`` the chunks wait in the database for the upkeep. ``model``: the version that
    measures, the served one where None.
    Raises PlaceMissing, PlaceForbidden, NoModelServed, ModelUnknown.
    """
    met = met_below(paths, settings)
    intake = Intake(database, batch, settings, app=app, model=model, again=True, progress=progress)
    outdated = _forget_outdated(database, batch, _allowed(paths, settings))
    return outdated + intake.take(met)


def _allowed(paths: Sequence[Path], settings: Settings) -> list[Path]:
    return [check_allowed(path, settings.allowed_roots) for path in paths]


def _forget_outdated(database: Database, batch: Batch, places: Sequence[Path]) -> IntakeCount:
    """Forget what could not be read below ``places`` and is not there to be read any more.

    A folder that was locked counted as one failure; its files count once it opens.
    """
    given = [str(each) for each in places]
    unread = unread_paths(database, batch.id)
    outdated = [
        path
        for path in unread
        if any(path == each or path.startswith(each.rstrip("/") + "/") for each in given)
        and is_outdated(path)
    ]
    if any(map(is_hashed, unread)):  # which folder it was, only folders tell
        folders = (folder for each in given for folder, *_ in os.walk(each))
        outdated += filter(is_outdated, folders)
    return forget_unread(database, batch.id, outdated) if outdated else IntakeCount()


def met_below(paths: Sequence[Path], settings: Settings) -> Iterator[Met]:
    """Return the files at and below ``paths``, met as they are taken; not those of our own state.

    Raises PlaceMissing, PlaceForbidden: at once, before the first file is taken.
    """
    places = _allowed(paths, settings)
    state = settings.state.resolve()
    for place in places:
        next(walk_resolved(place, leave_out=[state]), None)  # a missing path is told before work
    walks = (walk_resolved(place, leave_out=[state]) for place in places)
    return chain.from_iterable(walks)


class Intake:
    """Takes files into ``batch`` and counts them.

    ``again``: files that wait for their path, as it is not kept, are queued.
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
        self, met: Iterable[Met], *, keep: Callable[[SeenFile], bool] | None = None
    ) -> IntakeCount:
        """Record files and send their chunks; ``keep`` may leave out a file for a later time."""
        before = self.count
        self._model_version = self._measuring()  # a watch sees a promotion with its next scan
        pool = ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="hashing")
        try:
            waiting: list[SeenFile] = []
            recorded_at = time.monotonic()
            for seen in self._look(met, pool):
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
        """Return the version that measures. Raises NoModelServed, ModelUnknown."""
        if self._model is not None:
            return find_model(self._database, self._model).version
        served = served_model(self._database)
        if served is None:
            raise NoModelServed
        return served.version

    def _look(self, met: Iterable[Met], pool: ThreadPoolExecutor) -> Iterator[SeenFile]:
        names = iter(met)
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
            # The rows are safe; the upkeep sends their chunks, now and once the broker is back.
            self._app = None
            _log.warning("chunks wait in the database", code=BrokerUnavailable.code)

    def _recorded(self, files: list[SeenFile]) -> IntakeCount:
        """Record files; one that the database refuses costs itself alone. Raises DatabaseError."""
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
                raise  # even its bare name, so no value of the file is the reason
        bare = FileStat(files[0].stat.path, 0, 0)
        reason = Refusal.of(Unrecordable())
        return self._recorded([SeenFile(bare, refusal=reason)])

    def _add(self, more: IntakeCount) -> None:
        self.count += more
        if self._progress is not None:
            self._progress(self.count)


def _seen(met: Met, max_file_mb: int) -> SeenFile:
    if met.refusal is not None:
        return SeenFile(met.stat, refusal=met.refusal)
    return look_into(met.stat, max_file_mb)


def _difference(now: IntakeCount, before: IntakeCount) -> IntakeCount:
    return IntakeCount(
        seen=now.seen - before.seen,
        queued=now.queued - before.queued,
        duplicates=now.duplicates - before.duplicates,
        refused=now.refused - before.refused,
        known=now.known - before.known,
        reopened=now.reopened - before.reopened,
    )
