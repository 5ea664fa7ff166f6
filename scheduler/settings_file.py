"""The one file of settings that a process reads, obeyed where nobody else can have written it.

Who may write it names the database, the broker and the folders that are read.
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
#: Of the machine: what its services read, and its operators.
MACHINE = Path("/etc/thoraq/thoraq.env")
#: Named, no file is read.
_NONE = Path(os.devnull)

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file that is open. ``content``: a path to what was opened, whatever has its name by then.

    ``everybody_reads``: whether its rights let every user of the machine read it.
    """

    path: Path
    content: Path
    everybody_reads: bool


@contextmanager
def open_settings(named: str | None, machine: Path = MACHINE) -> Iterator[SettingsFile | None]:
    """Open the file that holds: ``named``, else that of the working directory, else ``machine``.

    Exactly one is read; None where there is none. Raises WrongSetting, SettingsMissing,
    SettingsUnreadable, SettingsUntrusted.
    """
    if named is not None:
        if not named.strip():
            raise WrongSetting(f"{VARIABLE}: empty; give a value, or leave the setting out")
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
    """Open a file; what is looked at is what is read. None where there is none."""
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
            raise _untrusted(path, "is no file")
        if found.st_uid not in {os.geteuid(), 0}:
            raise _untrusted(path, f"belongs to user {found.st_uid}")
        if found.st_mode & _OTHERS_WRITE:
            raise _untrusted(path, "can be written by others")
        everybody = bool(found.st_mode & stat.S_IROTH)
        yield SettingsFile(_shown(path), Path(f"/dev/fd/{opened}"), everybody)
    finally:
        os.close(opened)


def _untrusted(path: Path, why: str) -> SettingsUntrusted:
    return SettingsUntrusted.because(f"{_shown(path)} {why}")


def _shown(path: Path) -> Path:
    return path.absolute()
