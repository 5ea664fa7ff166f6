"""Files that the kernel saw closed after writing, or renamed into place.

Events are hints that save a wait. They do not cross NFS and SMB, miss what happened while nobody
listened and may be lost in a flood, so whoever asks also looks for himself.
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

#: Closed files remembered at most; past them the slower way serves.
_MOST = 200_000
#: Some senders open a file again to add to it; whoever does so at once is not taken by surprise.
_QUIET_SECONDS = 0.5


class ClosedFiles(FileSystemEventHandler):
    """Listens below ``folder``, a resolved path, from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._lock = threading.Lock()
        # When which stat was heard of; hashes, as an inbox may get many files at once.
        self._closed: dict[int, float] = {}
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Begin to listen; where the system has no such events, nothing is ever heard."""
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
            # More folders than fs.inotify.max_user_watches, or the folder is away.
            _log.warning("no events of this folder: it is scanned only", error=type(exc).__name__)
            return
        self._observer = observer

    def stop(self) -> None:
        """Listen no longer."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def heard_of(self, stat: FileStat) -> bool:
        """Whether the file was closed as it is now, a moment ago; one that grew since was not."""
        with self._lock:
            heard_at = self._closed.get(hash(stat))
            if heard_at is None or time.monotonic() - heard_at < _QUIET_SECONDS:
                return False
            del self._closed[hash(stat)]
            return True

    def on_closed(self, event: FileSystemEvent) -> None:
        """Note a file that was closed after writing."""
        self._note(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        """Note a file that was renamed into place."""
        if event.dest_path:
            self._note(event.dest_path)

    def _note(self, path: bytes | str) -> None:
        name = os.fsdecode(path)
        folder, _, last = name.rpartition("/")
        try:
            with entered_folder(folder) as here:
                found = os.stat(last, dir_fd=here, follow_symlinks=False)
        except OSError:
            return  # gone again, or now behind a link
        with self._lock:
            if len(self._closed) >= _MOST:
                self._closed.clear()
            key = hash(file_stat(name, found))
            self._closed[key] = time.monotonic()


def _emitter() -> type[EventEmitter] | None:
    """Return what also tells of files that came from elsewhere; None off Linux."""
    try:
        from watchdog.observers.inotify import InotifyFullEmitter  # noqa: PLC0415 - Linux alone
    except ImportError:
        return None
    return InotifyFullEmitter
