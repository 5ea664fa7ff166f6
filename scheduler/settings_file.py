"""The file of settings in the working directory, obeyed where nobody else can have written it.

Who may write it names the database, the broker and the folders that are read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scheduler.errors import SettingsUntrusted

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def trusted_file(name: str) -> Iterator[Path | None]:
    """Open the file and yield a path to what was opened; None where there is none.

    What is looked at is what is read: under its name another file may be by then.
    Raises SettingsUntrusted.
    """
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as exc:
        why = "is a link" if exc.errno in {errno.ELOOP, errno.EMLINK} else "cannot be read"
        raise _untrusted(name, why) from exc
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise _untrusted(name, "is no file")
        if found.st_uid not in {os.geteuid(), 0}:
            raise _untrusted(name, f"belongs to user {found.st_uid}")
        if found.st_mode & _OTHERS_WRITE:
            raise _untrusted(name, "can be written by others")
        yield Path(f"/dev/fd/{opened}")
    finally:
        os.close(opened)


def _untrusted(name: str, why: str) -> SettingsUntrusted:
    return SettingsUntrusted(f"{Path(name).absolute()} {why}. {SettingsUntrusted.__doc__}")
