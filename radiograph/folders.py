"""Open files by descending one folder at a time, so that no symbolic link is followed.

Anyone with write access to a folder can replace an entry with a link at any time. A checked path
may therefore lead elsewhere when it is used; a file descriptor cannot.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: O_PATH: passing through a folder does not need permission to list it.
_THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: O_NONBLOCK: opening a named pipe without a writer would block for ever.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_folder(path: str, *, within: int | None = None, make: bool = False) -> int:
    """Return a descriptor of the folder at ``path`` to pass through; the caller closes it.

    ``path`` is absolute, or relative to the folder of the descriptor ``within``. ``make`` creates
    missing folders. Raises OSError, with ELOOP if the path contains a link.
    """
    names = [name for name in path.split("/") if name not in {"", "."}]
    if ".." in names:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    here = os.open("/" if within is None else ".", _THROUGH, dir_fd=within)
    try:
        for name in names:
            below = _entered(name, here, make=make)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def _entered(name: str, here: int, *, make: bool) -> int:
    try:
        return os.open(name, _THROUGH, dir_fd=here)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):  # created by another process meanwhile
            os.mkdir(name, dir_fd=here)
        return os.open(name, _THROUGH, dir_fd=here)
    except NotADirectoryError:
        mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode) or stat.S_ISDIR(mode):  # a folder now: it is being replaced
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise


@contextmanager
def entered_folder(path: str, *, within: int | None = None, make: bool = False) -> Iterator[int]:
    """Open a folder as `open_folder` does; close it at the end of the context."""
    descriptor = open_folder(path, within=within, make=make)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_file(path: str, *, within: int | None = None, follow_links: bool = False) -> int:
    """Return a descriptor of a file to read, without blocking on a pipe.

    The caller closes it and checks that it is a regular file. Raises OSError, and ValueError for
    a NUL in the path.
    """
    if follow_links:
        return os.open(path, _FILE, dir_fd=within)
    folder, _, name = path.rpartition("/")
    with entered_folder(folder, within=within) as here:
        return os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=here)


def list_folder(name: str, within: int) -> int:
    """Return a descriptor for listing the folder ``name`` in ``within``. Raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=within)
