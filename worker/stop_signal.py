"""The stop signal: how a worker's child learns that its parent was asked to stop.

Celery's warm shutdown waits for the running task and its soft shutdown sleeps its full time, so the
task itself has to be notified: by a byte in a pipe between parent and child. It then finishes its
device batch and releases the rest of its chunk.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from worker.errors import StopRequested


class StopSignal:
    """A flag created before the fork, set in the parent and read in the child."""

    def __init__(self) -> None:
        self._asked, self._ask = os.pipe()
        os.set_blocking(self._ask, False)

    def set(self) -> None:
        """Set the flag for good; safe in a signal handler."""
        os.write(self._ask, b".")

    def is_set(self) -> bool:
        """Return whether to stop."""
        return self.wait(0.0)

    def wait(self, seconds: float) -> bool:
        """Wait for the flag; return whether to stop."""
        return bool(select.select([self._asked], [], [], seconds)[0])

    def pause(self, seconds: float) -> None:
        """Wait that long. Raises StopRequested as soon as it is set."""
        if self.wait(seconds):
            raise StopRequested

    def listen(self) -> None:
        """Set the flag on the signals that stop a worker, before their previous handlers run."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._before(signal.getsignal(number)))

    def _before(self, handler: Any) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            self.set()
            if callable(handler):
                handler(number, frame)

        return handle
