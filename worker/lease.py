"""The heartbeat that keeps a claim while its worker lives."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import structlog

from db.claims import renew_lease
from db.database import Database
from db.errors import DatabaseError
from worker.errors import LeaseLost

_log = structlog.stdlib.get_logger(__name__)

#: Renewals a lease has time for; a slow database may miss two.
_BEATS_A_LEASE = 4


class Lease:
    """Prolongs the lease of ``owner`` from a thread of its own until the block ends."""

    def __init__(self, database: Database, owner: str, lease_seconds: float) -> None:
        self._database = database
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def check(self) -> None:
        """Raise LeaseLost once others have the chunk."""
        if self._lost.is_set():
            raise LeaseLost(LeaseLost.__doc__)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._lease_seconds / _BEATS_A_LEASE):
            try:
                held = renew_lease(self._database, self._owner, self._lease_seconds)
            except DatabaseError as exc:
                # Storing will tell whether the lease outlived it.
                _log.warning("the lease could not be renewed", code=exc.code)
                continue
            if held == 0:
                # Either others have the chunk or all of it is stored and the block about to end.
                self._lost.set()
                return
