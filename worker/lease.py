"""The heartbeat that keeps a claim while its worker lives."""

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

#: Renewals a lease has time for; a slow database may miss two.
_BEATS_A_LEASE = 4


class Lease:
    """Prolongs a lease from a thread of its own, from its start to its end or through a block.

    ``renew`` does so and says whether the lease is still held; it may raise DatabaseError.
    """

    def __init__(self, renew: Callable[[], bool], lease_seconds: float) -> None:
        self._renew = renew
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._lost = threading.Event()
        self._renewed_at = time.monotonic()  # the claim was as good as a renewal
        beat = contextvars.copy_context()  # its lines name the batch and chunk, too
        self._thread = threading.Thread(
            target=beat.run, args=(self._beat,), name="lease", daemon=True
        )

    def check(self) -> None:
        """Raise LeaseLost once others have what was held.

        A process that was stopped wakes up in the middle of its work, before its heartbeat does:
        with a lease that ran out it asks for itself.
        """
        if time.monotonic() - self._renewed_at > self._lease_seconds:
            self._prolong()
        if self._lost.is_set():
            raise LeaseLost

    def start(self) -> None:
        """Begin to prolong it."""
        self._thread.start()

    def end(self) -> None:
        """Leave it to its time."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end()

    def _beat(self) -> None:
        while not self._over.wait(self._lease_seconds / _BEATS_A_LEASE):
            self._prolong()
            if self._lost.is_set():
                return

    def _prolong(self) -> None:
        asked_at = time.monotonic()
        try:
            held = self._renew()
        except DatabaseError as exc:
            # Storing will tell whether the lease outlived it.
            _log.warning("the lease could not be renewed", code=exc.code)
            return
        if held:
            self._renewed_at = asked_at
        else:
            # Either others have it or all of it is stored and the block about to end.
            self._lost.set()
