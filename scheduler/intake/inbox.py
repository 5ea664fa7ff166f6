"""Moving and deleting files of the watched folder.

Every path is relative to the folder and opened folder by folder without following links, so that
no sender can redirect a move or a deletion by swapping a folder or file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from secrets import token_hex
from typing import BinaryIO

from db.records import FileStat
from radiograph.folders import entered_folder, list_folder, open_file, open_folder
from scheduler.errors import PlaceAltered
from scheduler.intake.file_rename import rename_new
from scheduler.intake.walk import file_stat

_READ_BYTES = 1 << 20


class Inbox:
    """An open watched folder. Raises OSError if ``folder``, a resolved path, is unavailable."""

    def __init__(self, folder: Path) -> None:
        self._root = open_folder(str(folder))

    def close(self) -> None:
        """Close the folder."""
        os.close(self._root)

    def is_empty(self) -> bool:
        """Whether the folder is empty. Raises OSError."""
        descriptor = list_folder(".", self._root)
        try:
            with os.scandir(descriptor) as entries:
                return next(entries, None) is None
        finally:
            os.close(descriptor)

    def has_folder(self, name: str) -> bool:
        """Whether the folder exists. Raises PlaceAltered if a link or file has its name."""
        try:
            found = os.stat(name, dir_fd=self._root, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(found.st_mode):
            raise PlaceAltered.about(name)
        return True

    def make_folder(self, name: str) -> None:
        """Make a folder unless it exists. Raises PlaceAltered, OSError."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._root)
        self.has_folder(name)

    def holds(self, path: str, wanted: FileStat) -> bool:
        """Whether the file at ``path`` has the size and time of ``wanted``, whose path is ignored.

        Raises OSError, and PlaceAltered if the path contains a link.
        """
        try:
            with self.folder_of(path) as (here, name):
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISLNK(found.st_mode):
            raise PlaceAltered
        return _is(found, wanted)

    def move(self, path: str, new: str, wanted: FileStat) -> None:
        """Move a file to a path that does not exist.

        Raises FileExistsError, OSError, and PlaceAltered also if the file is swapped meanwhile.
        """
        with (
            self.folder_of(path) as (here, name),
            self.folder_of(new, make=True) as (there, new_name),
        ):
            found = os.stat(name, dir_fd=here, follow_symlinks=False)
            if not _is(found, wanted):
                raise PlaceAltered
            rename_new(name, here, new_name, there)
            moved = os.stat(new_name, dir_fd=there, follow_symlinks=False)
            if not os.path.samestat(moved, found):
                _give_back(new_name, there, name, here)  # swapped after the check
                raise PlaceAltered

    def delete(self, path: str, aside: str, wanted: FileStat, sha256: str | None) -> bool:
        """Delete a file; return False if its content differs from the measured one.

        It is first moved to ``aside``, so that it is not swapped between the last check and the
        deletion. A file left there by a crash is deleted by passing that path twice.
        Raises FileExistsError, PlaceAltered, OSError.
        """
        with (
            self.folder_of(path) as (here, name),
            self.folder_of(aside, make=True) as (there, new),
        ):
            with os.fdopen(open_file(name, within=here), "rb", buffering=0) as file:
                found = os.fstat(file.fileno())
                if not _is(found, wanted):
                    raise PlaceAltered
                if _digest(file) != sha256:
                    return False
            if path != aside:
                rename_new(name, here, new, there)
            moved = os.stat(new, dir_fd=there, follow_symlinks=False)
            if os.path.samestat(moved, found) and _is(moved, wanted):
                os.unlink(new, dir_fd=there)
                return True
            if path != aside:
                _give_back(new, there, name, here)
            raise PlaceAltered

    def make_durable(self, folders: Iterable[str]) -> None:
        """Sync moves into and out of ``folders`` to disk."""
        for folder in folders:
            try:
                with entered_folder(folder, within=self._root) as here:
                    descriptor = list_folder(".", here)
            except OSError:
                continue  # the folder is gone, so there is nothing to sync
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def folder_of(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder of a path; yield its descriptor and the last name of the path.

        Raises OSError, and PlaceAltered if the path contains a link.
        """
        folder, _, name = path.rpartition("/")
        try:
            descriptor = open_folder(folder, within=self._root, make=make)
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise PlaceAltered from exc
            raise
        try:
            yield descriptor, name
        finally:
            os.close(descriptor)


def _is(found: os.stat_result, wanted: FileStat) -> bool:
    same = file_stat(wanted.path, found) == wanted
    return same and stat.S_ISREG(found.st_mode)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(_READ_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _give_back(name: str, here: int, former: str, there: int) -> None:
    """Rename a wrong file back, under another name if its own exists again."""
    try:
        rename_new(name, here, former, there)
    except FileExistsError:
        path = PurePath(former)
        rename_new(name, here, f"{path.stem}.{token_hex(4)}{path.suffix}", there)
