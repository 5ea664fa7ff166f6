"""The stop signal: how a worker's child hears that its parent was asked to stop.

Celery's warm shutdown waits for the task at work and its soft shutdown sleeps its full time, so the
task itself has to hear of it: a byte in a pipe that parent and child hold tells it to end its batch
and to give the rest of its chunk back.
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
    """Made before the fork; set in the parent, asked in the child."""

    def __init__(self) -> None:
        self._asked, self._ask = os.pipe()
        os.set_blocking(self._ask, False)

    def set(self) -> None:
        """Tell every child, now and for good; safe in a signal handler."""
        os.write(self._ask, b".")

    def is_set(self) -> bool:
        """Whether to stop."""
        return self.wait(0.0)

    def wait(self, seconds: float) -> bool:
        """Wait that long at most; whether to stop."""
        return bool(select.select([self._asked], [], [], seconds)[0])

    def pause(self, seconds: float) -> None:
        """Wait that long. Raises StopRequested as soon as it is set."""
        if self.wait(seconds):
            raise StopRequested

    def listen(self) -> None:
        """Be set by the signals that stop a worker, before whatever they did until now."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._before(signal.getsignal(number)))

    def _before(self, handler: Any) -> Callable[[int, FrameType | None], None]:
        def told(number: int, frame: FrameType | None) -> None:
            self.set()
            if callable(handler):
                handler(number, frame)

        return told
