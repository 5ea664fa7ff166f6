"""Connecting a training run to its row: storing its progress, and stopping it on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import structlog

from db.database import Database
from db.errors import DatabaseError
from db.training.claims import record_check, record_phase, renew_run
from db.training.records import RunCheck, RunPhase
from training.errors import RunTaken
from training.progress import Check, PhaseResult
from worker.errors import LeaseLost, RunCancelled, StopRequested
from worker.lease import Lease
from worker.stopping import Stopping

_log = structlog.stdlib.get_logger(__name__)

#: Pause before a retry while the database is unavailable.
DATABASE_PAUSE_SECONDS = 2.0


class RunWatcher:
    """Watches the run that ``owner`` holds; a `training.progress.Watcher`.

    The caller has to enter its ``lease``.
    """

    def __init__(
        self, database: Database, owner: str, stopping: Stopping, lease_seconds: float
    ) -> None:
        self._database = database
        self._owner = owner
        self._stopping = stopping
        self._lease_seconds = lease_seconds
        self._cancelled = False
        self.lease = Lease(self._renew, lease_seconds)

    def beat(self) -> None:
        """Raise what ends the run, if anything: RunTaken, RunCancelled, StopRequested."""
        try:
            self.lease.check()
        except LeaseLost as exc:
            raise RunTaken from exc
        if self._cancelled:
            raise RunCancelled
        if self._stopping.is_set():
            raise StopRequested

    def checked(self, check: Check) -> None:
        """Store a check of the run. Raises RunTaken, DatabaseError and what `beat` does."""
        record = RunCheck(**asdict(check))
        self._store(lambda: record_check(self._database, self._owner, record))

    def phase_ended(self, result: PhaseResult) -> None:
        """Store how a phase ended. Raises RunTaken, DatabaseError and what `beat` does."""
        record = RunPhase(**asdict(result))
        self._store(lambda: record_phase(self._database, self._owner, record))

    def settle(self, end: Callable[[], object]) -> None:
        """Store how the run ended, waiting for the database; after a stop, recovery does it."""
        while True:
            try:
                end()
            except DatabaseError as exc:
                if not exc.awaited:
                    raise
                _log.warning("waiting for the database", code=exc.code)
                if self._stopping.wait(DATABASE_PAUSE_SECONDS):
                    return
            else:
                return

    def _store(self, store: Callable[[], bool]) -> None:
        """Store if the run is still held, waiting for the database."""
        while True:
            try:
                held = store()
            except DatabaseError as exc:
                if not exc.awaited:
                    raise
                _log.warning("waiting for the database", code=exc.code)
                self.beat()
                self._stopping.wait(DATABASE_PAUSE_SECONDS)
            else:
                break
        if not held:
            raise RunTaken

    def _renew(self) -> bool:
        hold = renew_run(self._database, self._owner, self._lease_seconds)
        self._cancelled = self._cancelled or hold.cancel_requested
        return hold.held
