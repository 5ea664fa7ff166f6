"""Who may read what this machine keeps: its user alone, or a group that the settings name.

What an operator asks for at a path of their own has the rights that their umask says.
"""

from __future__ import annotations

import grp
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from scheduler.errors import WrongSetting
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

_NOT_OTHERS = 0o077
_NOT_WRITTEN_BY_GROUP = 0o027
#: What thoraq makes in a state folder; a folder that holds more is not ours to close.
_OURS = ("thoraq.db", ".patient.key-", ".converted.key-")
_OURS_TOO = (
    *("broker", "logs", "reports", "runs", "models", "converted", "pulse", "received"),
    *("patient.key", "converted.key", "thoraq.env"),
)
#: What no group is to read.
_SECRET = ("broker", "patient.key", "converted.key", "thoraq.env")


class _Before(NamedTuple):
    """The umask this process was started with, and the folder that it does not hold for."""

    umask: int
    state: Path


_before: list[_Before] = []


@contextmanager
def private(settings: Settings, *, new: bool = False) -> Iterator[None]:
    """Keep what is made from here on to ourselves; narrow a state folder that is wider.

    ``new``: also one that holds nothing of thoraq's yet, as `claim` does. Processes that are
    started meanwhile do so too. Raises WrongSetting for a group that the state folder cannot be
    given.
    """
    hidden = _NOT_OTHERS if settings.group is None else _NOT_WRITTEN_BY_GROUP
    former = os.umask(hidden)
    _before.append(_Before(former, settings.state.absolute()))
    try:
        _set_rights(settings, new=new)
        yield
    finally:
        _before.pop()
        os.umask(former)


def claim(settings: Settings) -> None:
    """Close a state folder, or give it to its group, before the first of thoraq's files is made.

    Raises WrongSetting for a group that the state folder cannot be given.
    """
    _set_rights(settings, new=True)


@contextmanager
def as_operator(path: Path) -> Iterator[None]:
    """Make folders as the operator's umask says, unless ``path`` is in the state folder."""
    if not _before or path.absolute().is_relative_to(_before[0].state):
        yield
        return
    ours = os.umask(_before[0].umask)
    try:
        yield
    finally:
        os.umask(ours)


def is_stream(path: Path) -> bool:
    """Whether a path is one of the system's for a terminal, a pipe or another open file."""
    folder = os.path.realpath(path.parent)
    try:
        kind = path.stat().st_mode
    except OSError:
        return False
    ours = folder == "/dev" or folder.startswith("/proc/")
    return ours and not stat.S_ISBLK(kind) and not stat.S_ISDIR(kind)


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Give a new file beside ``path`` to write to, which then takes its place, or leaves nothing.

    Its name is drawn, so nobody can have put a link there; its rights are as the operator's umask
    says. Folders on the way are made. What is a stream is given itself.
    """
    if is_stream(path):
        yield path
        return
    with as_operator(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        umask = os.umask(_NOT_OTHERS)  # there is no way to ask alone
        os.umask(umask)
    descriptor, name = tempfile.mkstemp(".part", ".thoraq-", path.parent)
    os.close(descriptor)
    half = Path(name)
    try:
        yield half
        half.chmod(0o666 & ~umask)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _set_rights(settings: Settings, *, new: bool) -> None:
    if settings.group is not None:
        _share(settings.state, settings.group, new=new)
    hidden = _NOT_OTHERS if settings.group is None else _NOT_WRITTEN_BY_GROUP
    _narrow(settings.state, hidden, new=new)


def _is_ours(name: str) -> bool:
    return name.startswith(_OURS) or name in _OURS_TOO


def _share(folder: Path, group: str, *, new: bool) -> None:
    """Give a state folder to a group, and what is made in it from then on."""
    try:
        number = grp.getgrnam(group).gr_gid
        if new:
            folder.mkdir(parents=True, exist_ok=True)
        elif not os.path.isdir(folder):  # noqa: PTH112 - pathlib raises where it may not look
            return  # what needs it tells
        found = folder.stat()
        if found.st_gid != number or not found.st_mode & stat.S_ISGID:
            if not new and not any(_is_ours(each.name) for each in folder.iterdir()):
                return  # any folder may have been named by mistake
            _give(folder, number)
            os.chown(folder, -1, number)
            folder.chmod(0o2750)
    except KeyError:
        raise WrongSetting(f"THORAQ_GROUP: there is no group {group}") from None
    except PermissionError:
        raise WrongSetting(
            f"THORAQ_GROUP: {folder} cannot be given to {group}; be its owner and a member"
        ) from None


def _give(folder: Path, group: int) -> None:
    """Let a group read what is in a state folder already, but for keys, settings and broker."""
    for each in folder.iterdir():
        ours = each.name.startswith("thoraq.db") or each.name in _OURS_TOO
        if not ours or each.name in _SECRET:
            continue
        for path in (each, *each.rglob("*")):
            with suppress(OSError):  # gone by now, or another user's
                mode = path.lstat().st_mode
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    os.chown(path, -1, group, follow_symlinks=False)
                    path.chmod(stat.S_IMODE(mode) | (mode >> 3 & 0o050))


def _narrow(folder: Path, hidden: int, *, new: bool) -> None:
    try:
        found = folder.stat()
        if found.st_uid != os.geteuid() or not found.st_mode & hidden:
            return
        entries = list(folder.iterdir())
    except OSError:
        return  # whoever needs it tells
    ours = [each for each in entries if _is_ours(each.name)]
    if not ours and not new:
        return  # any folder may have been named by mistake
    for each in ours:
        with suppress(OSError):  # gone by now, or another user's
            mode = each.lstat().st_mode
            if mode & hidden and not stat.S_ISLNK(mode):
                each.chmod(stat.S_IMODE(mode) & ~hidden)
    if len(ours) == len(entries):
        with suppress(OSError):
            # Nor is a group handed on: systemd forbids services to set that bit, even again.
            handed_on = stat.S_ISGID if hidden == _NOT_OTHERS else 0
            folder.chmod(stat.S_IMODE(found.st_mode) & ~hidden & ~handed_on)
        _log.warning("the state folder was open to others and is closed now")
    elif ours:
        _log.warning("the state folder is open to others and holds more than thoraq's; chmod it")
