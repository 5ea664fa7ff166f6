"""Tether a process to its parent, so that it ends with it.

Run as a script, it tethers itself and executes a command, so that other programs, such as Redis,
are tethered too: ``python tether.py OWNER_PID COMMAND ...``. This needs no code between fork and
exec, which is unsafe if the parent has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered_command(command: Sequence[str]) -> list[str]:
    """Return a command that runs ``command`` tethered to this process.

    The kernel tethers it to the starting thread: start it from one that lives as long as the
    process.
    """
    return [sys.executable, __file__, str(os.getpid()), *command]


def die_with(owner_pid: int, with_signal: signal.Signals = signal.SIGTERM) -> None:
    """Send this process ``with_signal`` when its parent ``owner_pid`` ends.

    Only on Linux; elsewhere the children of a killed process keep running.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != owner_pid:  # the parent died before the call above
        os.kill(os.getpid(), with_signal)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - replacing this process is the purpose
