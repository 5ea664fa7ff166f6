"""The process that owns a night's stack, restarted as by systemd.

``python -m tests.chaos.owner`` is ``thoraq up --device cpu`` with two workers on any machine.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from scheduler.settings import Settings, child_environment
from scheduler.stack import Stack
from testbed.processes import ending_with_us

WORKERS = ("cpu0", "cpu1")
UPKEEP = "upkeep"
#: RestartSec of the units is 5; here a minute has as many faults as months of nights.
_PAUSE_SECONDS = 0.5
#: Longer than scheduler.process_end grants.
_STOP_SECONDS = 75.0


class Owner:
    """Runs a stack in a separate process and restarts it whenever it ends."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.restarts = 0
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._due_at = 0.0

    def start(self) -> None:
        """Start the stack."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.owner"],
                cwd=Path(__file__).parents[2],
                env=child_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=ending_with_us(signal.SIGTERM),  # noqa: PLW1509 - prctl alone
            )

    def tend(self) -> None:
        """Restart it a moment after it ended."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            self._due_at = time.monotonic() + _PAUSE_SECONDS
        if self._process is None and time.monotonic() >= self._due_at:
            self.restarts += 1
            self.start()

    def kill(self) -> bool:
        """SIGKILL the owner, but no member; return False if it is not running."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.kill()
        return True

    def member(self, name: str) -> psutil.Process | None:
        """Return the process of a worker or of the upkeep, None if it is not running."""
        try:
            members = psutil.Process(self._process.pid).children() if self._process else []
        except psutil.NoSuchProcess:
            return None
        sought = {"scheduler"} if name == UPKEEP else {"--name", name}
        return next((each for each in members if sought <= set(words(each))), None)

    def stop(self) -> int:
        """Stop the stack; return how many of its processes, also earlier ones, are left."""
        if self._process is not None:
            self._process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        while (left := self._everybody()) and time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()  # otherwise it would stay a zombie
            time.sleep(0.1)
        for each in left:
            each.kill()
        return len(left)

    def _everybody(self) -> list[psutil.Process]:
        state = str(self._settings.state)
        found = []
        for each in psutil.process_iter():
            try:
                ours = each.environ().get("THORAQ_STATE") == state
                if ours and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
            except psutil.Error:  # it ended, or is another user's
                continue
        return found


def words(process: psutil.Process) -> list[str]:
    """Return a process's command, empty if it has ended."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


if __name__ == "__main__":
    Stack(Settings(), ["cpu"] * len(WORKERS)).run()
