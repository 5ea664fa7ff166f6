"""File events of the kernel: files closed after writing, or renamed into the folder.

Events only save waiting. They do not cross NFS and SMB, are missed while no watch is running and
may be lost in a burst, so the folder is also scanned.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from watchdog.events import FileClosedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver

from db.records import FileStat
from radiograph.folders import entered_folder
from scheduler.intake.walk import file_stat

if TYPE_CHECKING:
    from watchdog.observers.api import EventEmitter

_log = structlog.stdlib.get_logger(__name__)

#: Most events kept; files beyond them are found by the scan.
_MOST = 200_000
#: Wait after a close event, as some senders open a file again at once to append to it.
_QUIET_SECONDS = 0.5


class ClosedFiles(FileSystemEventHandler):
    """Listens below ``folder``, a resolved path, from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._lock = threading.Lock()
        # Time of the event by hash of the stat: an inbox may get many files at once.
        self._closed: dict[int, float] = {}
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Start listening; without system support no events are ever seen."""
        emitter = _emitter()
        if self._observer is not None or emitter is None:
            return
        observer = BaseObserver(emitter)
        try:
            observer.schedule(
                self, self._folder, recursive=True, event_filter=[FileClosedEvent, FileMovedEvent]
            )
            observer.start()
        except OSError as exc:
            # More folders than fs.inotify.max_user_watches, or the folder is unavailable.
            _log.warning(
                "no file events of this folder; it is only scanned", error=type(exc).__name__
            )
            return
        self._observer = observer

    def stop(self) -> None:
        """Stop listening."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def was_closed(self, stat: FileStat) -> bool:
        """Whether the file was closed with this size and time, and not changed since."""
        with self._lock:
            closed_at = self._closed.get(hash(stat))
            if closed_at is None or time.monotonic() - closed_at < _QUIET_SECONDS:
                return False
            del self._closed[hash(stat)]
            return True

    def on_closed(self, event: FileSystemEvent) -> None:
        """Record a file that was closed after writing."""
        self._note(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        """Record a file that was renamed into the folder."""
        if event.dest_path:
            self._note(event.dest_path)

    def _note(self, path: bytes | str) -> None:
        name = os.fsdecode(path)
        folder, _, last = name.rpartition("/")
        try:
            with entered_folder(folder) as here:
                found = os.stat(last, dir_fd=here, follow_symlinks=False)
        except OSError:
            return  # removed, or now behind a link
        with self._lock:
            if len(self._closed) >= _MOST:
                self._closed.clear()
            key = hash(file_stat(name, found))
            self._closed[key] = time.monotonic()


def _emitter() -> type[EventEmitter] | None:
    """Return an emitter that also reports files moved in from elsewhere; None off Linux."""
    try:
        from watchdog.observers.inotify import InotifyFullEmitter  # noqa: PLC0415 - Linux alone
    except ImportError:
        return None
    return InotifyFullEmitter
