"""A TCP proxy that can cut, refuse and delay connections, to simulate network faults.

``tests.chaos`` uses one for the broker and one for PostgreSQL, which listens on a Unix socket.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Self

_BLOCK = 1 << 16


class Proxy:
    """Forwards connections to ``target``: a port of this machine, or the path of a Unix socket."""

    def __init__(self, target: int | str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._delay_seconds = 0.0
        self._refusing = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def cut(self) -> int:
        """Close all connections; return how many."""
        with self._lock:
            ended = list(self._open)
            self._open.clear()
        for each in ended:
            _end(each)
        return len(ended) // 2

    def refuse(self, *, refusing: bool) -> None:
        """Close all connections, and accept no new ones until called with False."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def delay(self, seconds: float) -> None:
        """Delay every block from now on."""
        self._delay_seconds = seconds

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        _end(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            try:
                callee = None if self._refusing else self._connected()
            except OSError:
                callee = None
            if callee is None:
                _end(caller)
                continue
            self.connections += 1
            with self._lock:
                self._open |= {caller, callee}
            for one, other in ((caller, callee), (callee, caller)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target), timeout=5)
        callee = socket.socket(socket.AF_UNIX)
        try:
            callee.connect(self._target)
        except OSError:
            callee.close()
            raise
        return callee

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            source.settimeout(None)
            while block := source.recv(_BLOCK):
                if self._delay_seconds:
                    time.sleep(self._delay_seconds)
                target.sendall(block)
        with self._lock:
            self._open -= {source, target}
        _end(source)
        _end(target)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
