"""Permissions of the state folder: for its user only, or for a group from the settings.

Files that an operator writes to their own paths have the permissions of their umask.
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
#: Prefixes of files that thoraq creates in a state folder; a folder with others is not closed.
_OURS = ("thoraq.db", ".patient.key-", ".converted.key-")
_OURS_TOO = (
    *("broker", "logs", "reports", "runs", "models", "converted", "pulse", "received"),
    *("patient.key", "converted.key", "thoraq.env"),
)
#: Files that no group may read.
_SECRET = ("broker", "patient.key", "converted.key", "thoraq.env")


class _Before(NamedTuple):
    """The original umask of this process, and the state folder, to which it does not apply."""

    umask: int
    state: Path


_before: list[_Before] = []


@contextmanager
def private_files(settings: Settings, *, new: bool = False) -> Iterator[None]:
    """Create files without permissions for others; restrict those of an existing state folder.

    ``new``: even if it contains nothing of thoraq's yet, as `claim_state_folder` does. Processes
    that are started meanwhile do so umask. Raises WrongSetting if the state folder
    cannot be given to the group.
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


def claim_state_folder(settings: Settings) -> None:
    """Restrict a state folder, or give it to its group, before the first file is created in it.

    Raises WrongSetting if the state folder cannot be given to the group.
    """
    _set_rights(settings, new=True)


@contextmanager
def as_operator(path: Path) -> Iterator[None]:
    """Use the operator's umask in the block, unless ``path`` is in the state folder."""
    if not _before or path.absolute().is_relative_to(_before[0].state):
        yield
        return
    ours = os.umask(_before[0].umask)
    try:
        yield
    finally:
        os.umask(ours)


def is_stream(path: Path) -> bool:
    """Whether a path is a device or descriptor of the system, such as /dev/stdout."""
    folder = os.path.realpath(path.parent)
    try:
        kind = path.stat().st_mode
    except OSError:
        return False
    ours = folder == "/dev" or folder.startswith("/proc/")
    return ours and not stat.S_ISBLK(kind) and not stat.S_ISDIR(kind)


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces ``path`` at the end, or is removed on an error.

    It is in the same folder under a random name, so no link can be prepared there; its permissions
    follow the operator's umask. Missing folders are created. A stream is yielded itself.
    """
    if is_stream(path):
        yield path
        return
    with as_operator(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        umask = os.umask(_NOT_OTHERS)  # the umask can only be read by setting it
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
    """Give a state folder, and files created in it later, to a group."""
    try:
        number = grp.getgrnam(group).gr_gid
        if new:
            folder.mkdir(parents=True, exist_ok=True)
        elif not os.path.isdir(folder):  # noqa: PTH112 - pathlib raises where it may not look
            return  # reported by whatever needs the folder
        found = folder.stat()
        if found.st_gid != number or not found.st_mode & stat.S_ISGID:
            if not new and not any(_is_ours(each.name) for each in folder.iterdir()):
                return  # the folder may have been named by mistake
            _give(folder, number)
            os.chown(folder, -1, number)
            folder.chmod(0o2750)
    except KeyError:
        raise WrongSetting(f"THORAQ_GROUP: the group {group} does not exist") from None
    except PermissionError:
        raise WrongSetting(
            f"THORAQ_GROUP: {folder} cannot be given to {group}; own it and join the group"
        ) from None


def _give(folder: Path, group: int) -> None:
    """Let a group read existing files of a state folder, except keys, settings and broker."""
    for each in folder.iterdir():
        ours = each.name.startswith("thoraq.db") or each.name in _OURS_TOO
        if not ours or each.name in _SECRET:
            continue
        for path in (each, *each.rglob("*")):
            with suppress(OSError):  # removed meanwhile, or another user's
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
        return  # reported by whatever needs the folder
    ours = [each for each in entries if _is_ours(each.name)]
    if not ours and not new:
        return  # the folder may have been named by mistake
    for each in ours:
        with suppress(OSError):  # removed meanwhile, or another user's
            mode = each.lstat().st_mode
            if mode & hidden and not stat.S_ISLNK(mode):
                each.chmod(stat.S_IMODE(mode) & ~hidden)
    if len(ours) == len(entries):
        with suppress(OSError):
            # Drop setgid too: systemd forbids services to set that bit, even again.
            handed_on = stat.S_ISGID if hidden == _NOT_OTHERS else 0
            folder.chmod(stat.S_IMODE(found.st_mode) & ~hidden & ~handed_on)
        _log.warning("the state folder was open to others; permissions corrected")
    elif ours:
        _log.warning("the state folder is open to others and contains other files; chmod it")
