"""The settings file of a process, accepted only if no other user can have written it.

Its writer chooses the database, the broker and the folders that are read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scheduler.errors import SettingsMissing, SettingsUnreadable, SettingsUntrusted, WrongSetting

#: The variable that names the file.
VARIABLE = "THORAQ_ENV_FILE"
#: In the working directory.
LOCAL = Path("thoraq.env")
#: The machine's file, for services and operators.
MACHINE = Path("/etc/thoraq/thoraq.env")
#: If this is named, no file is read.
_NONE = Path(os.devnull)

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """An open file. ``content``: a path to the opened file, even if it is replaced meanwhile.

    ``everybody_reads``: whether every user of the machine may read it.
    """

    path: Path
    content: Path
    everybody_reads: bool


@contextmanager
def open_settings(named: str | None, machine: Path = MACHINE) -> Iterator[SettingsFile | None]:
    """Open ``named``, else the file of the working directory, else ``machine``.

    At most one file is read; yields None if none exists. Raises WrongSetting, SettingsMissing,
    SettingsUnreadable, SettingsUntrusted.
    """
    if named is not None:
        if not named.strip():
            raise WrongSetting(f"{VARIABLE}: empty; give a value, or remove the setting")
        if Path(named) == _NONE:
            yield None
            return
        with _trusted(Path(named)) as found:
            if found is None:
                raise SettingsMissing.about(Path(named).absolute())
            yield found
        return
    with _trusted(LOCAL) as found:
        if found is not None:
            yield found
            return
    with _trusted(machine) as found:
        yield found


@contextmanager
def _trusted(path: Path) -> Iterator[SettingsFile | None]:
    """Open a file and check the opened file; yield None if it does not exist."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except PermissionError as exc:
        if path == LOCAL and not os.access(".", os.X_OK):
            yield None  # `sudo -u thoraq` in a folder that this user may not enter
            return
        raise SettingsUnreadable.about(_shown(path)) from exc
    except OSError as exc:
        why = "is a link" if exc.errno in {errno.ELOOP, errno.EMLINK} else "cannot be read"
        raise _untrusted(path, why) from exc
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise _untrusted(path, "is not a regular file")
        if found.st_uid not in {os.geteuid(), 0}:
            raise _untrusted(path, f"belongs to user {found.st_uid}")
        if found.st_mode & _OTHERS_WRITE:
            raise _untrusted(path, "is writable by others")
        everybody = bool(found.st_mode & stat.S_IROTH)
        yield SettingsFile(_shown(path), Path(f"/dev/fd/{opened}"), everybody)
    finally:
        os.close(opened)


def _untrusted(path: Path, why: str) -> SettingsUntrusted:
    return SettingsUntrusted.because(f"{_shown(path)} {why}")


def _shown(path: Path) -> Path:
    return path.absolute()
