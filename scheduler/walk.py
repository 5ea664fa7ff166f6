"""Walking folders, however large: one name at a time, never out of the folder that was given."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from db.records import FileStat, Refusal
from radiograph.errors import FileUnavailable, NotAnImage, RadiographError
from scheduler.errors import PlaceMissing

_log = structlog.stdlib.get_logger(__name__)

#: What copying and downloading programs call a file that is not complete.
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", "~")


@dataclass(frozen=True, slots=True)
class Met:
    """Something the walk met: a regular file, or what is none with the reason it is refused."""

    stat: FileStat
    refusal: Refusal | None = None


def refusal_of(error: RadiographError) -> Refusal:
    """Return the refusal that records an error."""
    return Refusal(error.code, str(error), error.disposition, error.permanent)


def is_passed_over(name: str) -> bool:
    """Whether a name is hidden or that of a file in the making; such files are not counted."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def walk(place: Path, *, leave_out: Collection[Path] = ()) -> Iterator[Met]:
    """Yield the files at and below ``place``, folder by folder in the folder's own order.

    Links below ``place`` are passed over: what they lead to is met by itself, or lies outside.
    ``leave_out``: folders that are ours, not the archive's. Raises PlaceMissing.
    """
    try:
        root = place.resolve(strict=True)
        found = root.stat()
    except (OSError, RuntimeError) as exc:  # RuntimeError: a loop of links, before Python 3.13
        raise PlaceMissing(f"{place}: {PlaceMissing.__doc__}") from exc
    if stat.S_ISDIR(found.st_mode):
        yield from _below(str(root), {str(each.resolve()) for each in leave_out})
    else:
        yield _met(str(root), found)


def _below(root: str, leave_out: Collection[str]) -> Iterator[Met]:
    open_folders: list[Iterator[os.DirEntry[str] | Met]] = [_entries(root)]
    links = 0
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif isinstance(entry, Met):
            yield entry
        elif is_passed_over(entry.name) or entry.path in leave_out:
            continue
        elif entry.is_symlink():
            links += 1
        elif entry.is_dir(follow_symlinks=False):
            open_folders.append(_entries(entry.path))
        else:
            yield from _file(entry)
    if links:
        _log.warning("links were passed over; give the folders they lead to", links=links)


def _file(entry: os.DirEntry[str]) -> Iterator[Met]:
    try:
        yield _met(entry.path, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return  # moved away since its folder was listed
    except OSError as exc:
        yield _unavailable(entry.path, exc)


def _entries(folder: str) -> Iterator[os.DirEntry[str] | Met]:
    """List a folder; what cannot be listed is met as one refused entry, not silently empty."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return
    except OSError as exc:
        yield _unavailable(folder, exc)


def _met(path: str, found: os.stat_result) -> Met:
    met = FileStat(path, found.st_size, found.st_mtime_ns)
    if stat.S_ISREG(found.st_mode):
        return Met(met)
    # Opening a pipe waits for its other end, opening a device may act on it.
    return Met(met, refusal_of(NotAnImage("a pipe, socket or device is no file")))


def _unavailable(path: str, error: OSError) -> Met:
    reason = FileUnavailable(f"{error.strerror}. {FileUnavailable.__doc__}")
    return Met(FileStat(path, 0, 0), refusal_of(reason))
