"""Connecting a training run to its row: storing its progress, and stopping it on request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from db.database import Database
from db.training.claims import record_check, record_phase, renew_run
from db.training.records import RunCheck, RunPhase
from scheduler.database_wait import until_answered
from training.errors import RunTaken
from worker.errors import LeaseLost, RunCancelled, StopRequested
from worker.lease import Lease
from worker.stop_signal import StopSignal


class RunWatcher:
    """Watches the run that ``owner`` holds; a `training.progress.Watcher`.

    The caller has to enter its ``lease``.
    """

    def __init__(
        self, database: Database, owner: str, stopping: StopSignal, lease_seconds: float
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

    def checked(self, check: RunCheck) -> None:
        """Store a check of the run. Raises RunTaken, DatabaseError and what `beat` does."""
        self._store(lambda: record_check(self._database, self._owner, check))

    def phase_ended(self, result: RunPhase) -> None:
        """Store how a phase ended. Raises RunTaken, DatabaseError and what `beat` does."""
        self._store(lambda: record_phase(self._database, self._owner, result))

    def settle(self, end: Callable[[], object]) -> None:
        """Store how the run ended, waiting for the database; after a stop, recovery does it."""
        with suppress(StopRequested):
            until_answered(end, self._stopping.pause)

    def _store(self, store: Callable[[], bool]) -> None:
        """Store if the run is still held, waiting for the database."""

        def wait(seconds: float) -> None:
            self.beat()
            self._stopping.wait(seconds)

        if not until_answered(store, wait):
            raise RunTaken

    def _renew(self) -> bool:
        hold = renew_run(self._database, self._owner, self._lease_seconds)
        self._cancelled = self._cancelled or hold.cancel_requested
        return hold.held
