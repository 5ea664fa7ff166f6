"""Server processes that end with the test run, even if it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def ending_with_us(with_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a function that a child runs before its command, so that it ends with this process."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    owner = os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if os.getppid() != owner:
            os._exit(1)

    return before_exec
