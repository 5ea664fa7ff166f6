"""The listener's process: what `thoraq listen` and `thoraq up` run until SIGTERM."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from pacs.errors import NotConfigured
from pacs.listener.service import Listener
from scheduler.app import create_app
from scheduler.broker import broker_url
from scheduler.connections import read_connections
from scheduler.preparation import prepare
from scheduler.settings import Settings

#: A parameter of glibc's mallopt, and its value: each association has two threads, each of which
#: would keep memory of its own.
_ARENA_MAX, _ARENAS = -8, 2


def serve(settings: Settings, told: Callable[[Listener], None] | None = None) -> None:
    """Receive until SIGINT or SIGTERM; ``told`` is called before the first connection.

    Raises NotConfigured, ListenerPortUnusable, TlsUnusable, SchedulerError, DatabaseError.
    """
    _share_arenas()
    connections = read_connections(settings)
    if connections.listen is None:
        raise NotConfigured
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    database = prepare(settings)
    # The upkeep sends what an embedded broker, which rests, does not take now.
    app = create_app(broker_url(settings))
    try:
        listener = Listener(database, settings, connections, connections.listen, app)
        if told is not None:
            told(listener)
        listener.run(stop)
    finally:
        app.close()
        database.dispose()


def _share_arenas() -> None:
    """Have all threads share freed memory; another libc than glibc has no arenas."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)
