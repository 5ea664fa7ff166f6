"""A process that ends when the one that started it does.

Run as a file it tethers itself and becomes the command behind it, so that a server that knows
nothing of us, such as Redis, is tethered too: ``python tether.py OWNER_PID COMMAND ...``. This
needs no code between fork and exec, which is unsafe where the owner has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered_command(command: Sequence[str]) -> list[str]:
    """Return the command that runs ``command`` tethered to this process.

    The kernel watches the thread that starts it: start it from one that lives as long as the
    process.
    """
    return [sys.executable, __file__, str(os.getpid()), *command]


def die_with(owner_pid: int, with_signal: signal.Signals = signal.SIGTERM) -> None:
    """Have this process get ``with_signal`` once its parent ``owner_pid`` is gone.

    Only Linux can; elsewhere whoever is killed without warning leaves its children behind.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != owner_pid:  # it died before the line above
        os.kill(os.getpid(), with_signal)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - replacing this process is the purpose
