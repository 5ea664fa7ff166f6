"""The heartbeat that renews a claim as long as its worker lives."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Self

import structlog

from db.errors import DatabaseError
from worker.errors import LeaseLost

_log = structlog.stdlib.get_logger(__name__)

#: Renewals per lease; two may fail on a slow database.
_RENEWALS_PER_LEASE = 4


class Lease:
    """Renews a lease from a thread, between `start` and `end` or within a block.

    ``renew`` returns whether the lease is still held; it may raise DatabaseError.
    """

    def __init__(self, renew: Callable[[], bool], lease_seconds: float) -> None:
        self._renew = renew
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._lost = threading.Event()
        self._renewed_at = time.monotonic()  # the claim counts as a renewal
        beat = contextvars.copy_context()  # its log lines include the batch and chunk
        self._thread = threading.Thread(
            target=beat.run, args=(self._beat,), name="lease", daemon=True
        )

    def check(self) -> None:
        """Raise LeaseLost if the claim is no longer held.

        A process that was suspended resumes its work before its heartbeat: if the lease has
        expired meanwhile, the claim is renewed or lost here.
        """
        if time.monotonic() - self._renewed_at > self._lease_seconds:
            self._prolong()
        if self._lost.is_set():
            raise LeaseLost

    def start(self) -> None:
        """Start renewing the lease."""
        self._thread.start()

    def end(self) -> None:
        """Stop renewing; let the lease expire."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end()

    def _beat(self) -> None:
        while not self._over.wait(self._lease_seconds / _RENEWALS_PER_LEASE):
            self._prolong()
            if self._lost.is_set():
                return

    def _prolong(self) -> None:
        asked_at = time.monotonic()
        try:
            held = self._renew()
        except DatabaseError as exc:
            # Storing will find out whether the lease is still held.
            _log.warning("the lease could not be renewed", code=exc.code)
            return
        if held:
            self._renewed_at = asked_at
        else:
            # Either others have the jobs, or all are stored and the block is about to end.
            self._lost.set()
