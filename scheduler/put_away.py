"""Putting away what has ended: moved to ``done/`` and ``failed/``, or deleted.

The file is moved first and noted afterwards, a few at a time. After a crash in between, the file
lies at the place it was meant for and is only noted. Nothing is ever overwritten.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import structlog

from db.database import Database
from db.intake import known_files
from db.placing import ended_files, record_places
from db.records import EndedFile, FileStat, PlacedFile
from db.states import Place

_log = structlog.stdlib.get_logger(__name__)

#: Files moved before they are noted.
_BLOCK = 100
_FOLDERS = (Place.DONE, Place.FAILED)


class After(StrEnum):
    """What becomes of a watched file that has ended."""

    LEAVE = "leave"
    MOVE = "move"  # measured ones to done/, all others to failed/
    DELETE = "delete"  # measured ones are removed, all others moved to failed/


class PutAway:
    """Puts the files of one batch away that lie below ``folder``, a resolved path."""

    def __init__(self, database: Database, batch_id: int, folder: Path, after: After) -> None:
        self._database = database
        self._batch_id = batch_id
        self._folder = folder
        self._after = after

    @property
    def folders(self) -> list[Path]:
        """Folders whose files have been put away; they are not watched."""
        return [] if self._after is After.LEAVE else [self._folder / place for place in _FOLDERS]

    def run(self) -> list[FileStat]:
        """Put away what ended; return the files as they were met. Raises DatabaseError."""
        if self._after is After.LEAVE or not self._prepared():
            return []
        put: list[FileStat] = []
        last = 0
        while ended := ended_files(self._database, self._batch_id, after=last, limit=_BLOCK):
            last = ended[-1].id
            placed = self._put_block(ended)
            _make_durable(placed, ended)
            record_places(self._database, placed)
            ids = {each.id for each in placed}
            put += [each.stat for each in ended if each.id in ids]
        return put

    def _prepared(self) -> bool:
        """Make our folders; False on a share that is away, where files would seem to be gone."""
        if all(each.is_dir() for each in self.folders):
            return True
        try:
            # An empty folder that lacks what we made is a mount point without its share.
            empty = next(self._folder.iterdir(), None) is None
            if empty and ended_files(self._database, self._batch_id, after=0, limit=1):
                return False
            for folder in self.folders:
                folder.mkdir(exist_ok=True)
        except OSError as exc:
            _log.warning("files cannot be put away", error=type(exc).__name__)
            return False
        return True

    def _put_block(self, ended: Sequence[EndedFile]) -> list[PlacedFile]:
        below = {each.id: path for each in ended if (path := self._below(each)) is not None}
        # A place may be free again and still be known: `done/` was emptied, and the file sent anew.
        places = {
            each.id: self._own_place(each, below[each.id]) for each in ended if each.id in below
        }
        known = known_files(self._database, self._batch_id, list(places.values()))
        placed = []
        for each in ended:
            if each.id not in below:
                continue
            try:
                placed.append(self._put(each, below[each.id], taken=places[each.id] in known))
            except OSError as exc:
                _log.warning("a file could not be put away", error=type(exc).__name__, file=each.id)
        return placed

    def _below(self, ended: EndedFile) -> Path | None:
        """Return the path below the folder, None for a file that is not ours to move."""
        try:
            below = Path(ended.stat.path).relative_to(self._folder)
        except ValueError:
            return None  # submitted from elsewhere into the same batch
        if below.parts[0] == ended.wanted:
            return None
        # It failed once and was measured by a later try.
        return Path(*below.parts[1:]) if below.parts[0] in set(_FOLDERS) else below

    def _own_place(self, ended: EndedFile, below: Path) -> FileStat:
        place = self._folder / ended.wanted / below
        return FileStat(str(place), ended.stat.size, ended.stat.mtime_ns)

    def _put(self, ended: EndedFile, below: Path, *, taken: bool) -> PlacedFile:
        source = Path(ended.stat.path)
        there = _stat(source)
        if there == ended.stat:
            if self._after is After.DELETE and ended.wanted is Place.DONE:
                source.unlink()
                return PlacedFile(ended.id, str(source), Place.DELETED)
            targets = self._targets(ended, below)[1 if taken else 0 :]
            target = next((each for each in targets if _stat(each) is None), None)
            if target is None:
                raise FileExistsError(errno.EEXIST, "both of its places are taken")
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
            return PlacedFile(ended.id, str(target), ended.wanted)
        # Gone, or another file by now: moved before a crash, else taken away by somebody.
        moved = FileStat("", ended.stat.size, ended.stat.mtime_ns)
        for target in self._targets(ended, below):
            found = _stat(target)
            if found is not None and FileStat("", found.size, found.mtime_ns) == moved:
                return PlacedFile(ended.id, str(target), ended.wanted)
        if self._after is After.DELETE and ended.wanted is Place.DONE:
            return PlacedFile(ended.id, str(source), Place.DELETED)
        return PlacedFile(ended.id, str(source), Place.GONE)

    def _targets(self, ended: EndedFile, below: Path) -> list[Path]:
        """Return where a file may lie: under its own name, else with its row's number in it."""
        own = self._folder / ended.wanted / below
        return [own, own.with_name(f"{below.stem}.{ended.id}{below.suffix}")]


def _stat(path: Path) -> FileStat | None:
    """Return what lies at ``path``; None if nothing does."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileStat(str(path), found.st_size, found.st_mtime_ns)


def _make_durable(placed: Iterable[PlacedFile], ended: Iterable[EndedFile]) -> None:
    """Have the disk hold the moves before the database does."""
    folders = {os.path.dirname(each.path) for each in placed}  # noqa: PTH120 - any byte
    folders |= {os.path.dirname(each.stat.path) for each in ended}  # noqa: PTH120
    for folder in folders:
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue  # no longer there, so nothing of it is to be kept
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
