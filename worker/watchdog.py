"""The watchdog: ends a process whose device no longer responds.

A hanging driver raises no error, and the heartbeat keeps renewing the process's leases. Once the
process has ended its leases expire, and other workers measure its files.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from worker.errors import FRESH_START

_log = structlog.stdlib.get_logger(__name__)


class Watchdog:
    """Ends this process with ``FRESH_START`` if a block takes longer than ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: float | None = None
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch a block; only one at a time."""
        self._began = time.monotonic()
        try:
            yield
        finally:
            self._began = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(self._seconds / 4, 10.0))
            began = self._began
            if began is not None and time.monotonic() - began > self._seconds:
                _log.critical("the device does not answer", seconds=round(self._seconds))
                os._exit(FRESH_START)
