"""Walking folders of any size: one entry at a time, never leaving the given folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from db.records import FileStat, Refusal
from radiograph.errors import FileUnavailable, NotAnImage
from radiograph.folders import entered_folder, list_folder, open_folder
from scheduler.errors import PlaceMissing

_log = structlog.stdlib.get_logger(__name__)

#: The databases' largest integer; as nanoseconds it is in 2262. Later times, and times before 1677,
#: are clamped.
_LATEST_NS = (1 << 63) - 1

#: Endings that copying and downloading programs give to incomplete files.
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", "~")
#: Deepest level of nested folders. Each takes two descriptors, of which a process has hundreds,
#: so a sender could otherwise stop the watch with deeply nested folders.
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A path found by the walk: a regular file, or anything else with its refusal."""

    stat: FileStat
    refusal: Refusal | None = None


def file_stat(path: str, found: os.stat_result) -> FileStat:
    """Return the stat of a file, clamped to the databases' integers."""
    mtime_ns = max(-_LATEST_NS, min(found.st_mtime_ns, _LATEST_NS))
    return FileStat(path, found.st_size, mtime_ns)


def is_passed_over(name: str) -> bool:
    """Whether a name is hidden or of an incomplete file; such files are not counted."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def walk(path: Path, *, leave_out: Collection[Path] = ()) -> Iterator[FoundFile]:
    """Yield the files at and below ``path``, folder by folder in the folder's own order.

    Links below ``path`` are skipped: their targets are found anyway, or are outside.
    ``leave_out``: folders to skip, such as thoraq's own. Raises PlaceMissing.
    """
    try:
        yield from walk_resolved(
            Path(os.path.realpath(path)), leave_out=[each.resolve() for each in leave_out]
        )
    except PlaceMissing as exc:
        raise PlaceMissing.about(path) from exc


def walk_resolved(root: Path, *, leave_out: Collection[Path] = ()) -> Iterator[FoundFile]:
    """Walk as `walk` does, from a resolved path: no link is followed, at and below ``root``.

    This includes folders that are replaced by a link during the walk. ``leave_out``: resolved.
    Raises PlaceMissing.
    """
    path = str(root)
    try:
        descriptor = open_folder(path)
    except NotADirectoryError:
        yield _single(path)
        return
    except OSError as exc:
        raise PlaceMissing.about(root) from exc
    try:
        listing = _Listing(path, list_folder(".", descriptor))
    except OSError as exc:
        yield _unavailable(path, exc)
        return
    finally:
        os.close(descriptor)
    yield from _below(listing, {str(each) for each in leave_out})


def _single(path: str) -> FoundFile:
    folder, _, name = path.rpartition("/")
    try:
        with entered_folder(folder) as here:
            return _found_file(path, os.stat(name, dir_fd=here, follow_symlinks=False))
    except OSError as exc:
        raise PlaceMissing.about(path) from exc


def is_outdated(path: str) -> bool:
    """Whether a former refusal of ``path`` no longer applies: the folder opens, or is gone.

    False for a file: a walk finds it itself.
    """
    folder, _, name = path.rpartition("/")
    try:
        with entered_folder(folder) as here:
            found = os.stat(name or ".", dir_fd=here, follow_symlinks=False).st_mode
            if stat.S_ISDIR(found):
                os.close(list_folder(name or ".", here))
            return stat.S_ISDIR(found) or stat.S_ISLNK(found)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as exc:
        return exc.errno == errno.ELOOP


class _Listing:
    """A folder being listed; its descriptor is open until its last entry was examined."""

    def __init__(self, path: str, descriptor: int, depth: int = 1) -> None:
        self.path = path
        self.descriptor = descriptor
        self.depth = depth
        self.entries = self._listed()

    def look_at(self, path: str, entry: os.DirEntry[str]) -> _Listing | FoundFile | None:
        """Examine an entry that is not a link; return a folder that cannot be listed as refused."""
        try:
            if not entry.is_dir(follow_symlinks=False):
                return _file(path, entry)
        except OSError as exc:
            return _unavailable(path, exc)
        if self.depth == _DEEPEST:
            return _unavailable(path, OSError(errno.EMFILE, "Too many nested folders"))
        try:
            return _Listing(path, list_folder(entry.name, self.descriptor), self.depth + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None  # moved or replaced since this folder was listed
        except OSError as exc:
            return None if exc.errno == errno.ELOOP else _unavailable(path, exc)

    def close(self) -> None:
        self.entries.close()
        os.close(self.descriptor)

    def _listed(self) -> Generator[tuple[str, os.DirEntry[str] | FoundFile], None, None]:
        try:
            with os.scandir(self.descriptor) as entries:
                for entry in entries:
                    if not is_passed_over(entry.name):
                        # Not a Path: archives have many files.
                        yield os.path.join(self.path, entry.name), entry  # noqa: PTH118
        except FileNotFoundError:
            return
        except OSError as exc:
            yield self.path, _unavailable(self.path, exc)


def _below(root: _Listing, leave_out: Collection[str]) -> Iterator[FoundFile]:
    listings = [root]
    links = 0
    try:
        while listings:
            path, entry = next(listings[-1].entries, ("", None))
            found: _Listing | FoundFile | None = None
            if entry is None:
                listings.pop().close()
            elif path in leave_out:
                continue
            elif isinstance(entry, FoundFile):
                found = entry
            elif _is_link(entry):
                links += 1
            else:
                found = listings[-1].look_at(path, entry)
            if isinstance(found, _Listing):
                listings.append(found)
            elif found is not None:
                yield found
    finally:
        for each in listings:
            each.close()
    if links:
        _log.warning("links were skipped; submit the folders they point to", links=links)


def _is_link(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink()
    except OSError:  # the listing lacks the type; examining the entry reports the error
        return False


def _file(path: str, entry: os.DirEntry[str]) -> FoundFile | None:
    try:
        return _found_file(path, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None  # moved since its folder was listed
    except OSError as exc:
        return _unavailable(path, exc)


def _found_file(path: str, found: os.stat_result) -> FoundFile:
    listed = file_stat(path, found)
    if stat.S_ISREG(found.st_mode):
        return FoundFile(listed)
    # Opening a pipe blocks, and opening a device may have side effects.
    return FoundFile(listed, Refusal.of(NotAnImage("a pipe, socket or device, not a regular file")))


def _unavailable(path: str, error: OSError) -> FoundFile:
    reason = FileUnavailable.because(error.strerror)
    return FoundFile(FileStat(path, 0, 0), Refusal.of(reason))
