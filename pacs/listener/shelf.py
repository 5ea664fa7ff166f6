"""The shelf: the folder of received objects, by day and study; no name tells of a patient."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from db.archive import is_hashed
from db.database import Database
from db.received import is_recorded, kept_paths
from pacs.errors import ReceivedFolderTaken
from radiograph.instance import Instance

_SPOOL, _LOCK = ".spool", ".listener.lock"
_STUDY_DIGITS = 16


class Shelf:
    """Keeps objects below ``folder``; its spool is a folder of the same disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = folder / _SPOOL
        self._lock: int | None = None

    def open(self) -> None:
        """Make the folders, and keep other listeners out. Raises ReceivedFolderTaken, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spool.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self.folder / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ReceivedFolderTaken.about(self.folder) from None
        self._lock = lock

    def close(self) -> None:
        """Let another listener have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def path_of(self, instance: Instance, received: datetime) -> Path:
        """Return where an object is kept that came at ``received``."""
        study = hashlib.sha256((instance.study_uid or "").encode()).hexdigest()[:_STUDY_DIGITS]
        day = received.astimezone(UTC).date().isoformat()
        return self.folder / day / study / f"{instance.digest}.dcm"

    def kept(self, database: Database, digest: str) -> Path | None:
        """Return where the same object is kept already; None: it is not. Raises DatabaseError."""
        inside = f"{self.folder}/"
        for path in kept_paths(database, digest):
            if not is_hashed(path) and path.startswith(inside) and Path(path).is_file():
                return Path(path)
        return None

    def keep(self, spooled: Path, target: Path) -> bool:
        """Give a spooled object its name, so that it outlives a crash; False: it has it already.

        The spooled name stays until `Shelf.settle`, and tells after a crash what was not recorded.
        Raises OSError.
        """
        fresh = [each for each in (target.parent.parent, target.parent) if not each.is_dir()]
        target.parent.mkdir(parents=True, exist_ok=True)
        new = True
        try:
            os.link(spooled, target)
        except FileExistsError:
            new = False  # its name is the digest of what it holds
        for each in (target.parent, *(folder.parent for folder in fresh)):
            _sync(each)
        return new

    def leftovers(self) -> Iterator[Path]:
        """Yield what an earlier listener left in the spool."""
        yield from sorted(self.spool.iterdir())

    def sweep(self, database: Database) -> int:
        """Remove what was never acknowledged; return how many objects. Raises DatabaseError."""
        swept = 0
        for each in self.leftovers():
            with suppress(OSError):
                number = each.stat().st_ino
                if each.stat().st_nlink > 1:
                    self._take_back(database, number, each)
                each.unlink()
                swept += 1
        return swept

    def _take_back(self, database: Database, number: int, spooled: Path) -> None:
        """Remove the kept name of a spooled object, unless the database knows it."""
        day = datetime.fromtimestamp(spooled.stat().st_mtime, UTC).date()
        for folder in self.folder.glob("[0-9]*"):
            if folder.name < day.isoformat():
                continue
            for kept in folder.glob("*/*.dcm"):
                if kept.stat().st_ino == number and not is_recorded(database, str(kept)):
                    kept.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
