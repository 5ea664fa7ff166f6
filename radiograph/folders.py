"""Folders entered one by one, so that no link is followed on the way to a file.

Whoever may write to a folder can swap what is in it for a link at any moment. A path that was
checked may therefore lead elsewhere when it is used; a descriptor cannot.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Passing through a folder takes no right to list it.
_THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: A named pipe without a writer would hold a plain open up for ever.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_folder(path: str, *, within: int | None = None, make: bool = False) -> int:
    """Open the folder at ``path`` to pass through it; the caller closes the descriptor.

    ``path`` is absolute, or relative to the folder of the descriptor ``within``. ``make`` makes
    what is missing. Raises OSError; with ELOOP where a link is on the way.
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
        with suppress(FileExistsError):  # made by somebody else in between
            os.mkdir(name, dir_fd=here)
        return os.open(name, _THROUGH, dir_fd=here)
    except NotADirectoryError:
        mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode) or stat.S_ISDIR(mode):  # a folder again: it is being swapped
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise


@contextmanager
def entered_folder(path: str, *, within: int | None = None, make: bool = False) -> Iterator[int]:
    """Open a folder as `open_folder` does, for as long as the context lasts."""
    descriptor = open_folder(path, within=within, make=make)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_file(path: str, *, within: int | None = None, follow_links: bool = False) -> int:
    """Open a file to read it, without waiting for the other end of a pipe.

    Raises OSError, ValueError for a NUL in the path. The caller closes the descriptor and checks
    that it is a regular file.
    """
    if follow_links:
        return os.open(path, _FILE, dir_fd=within)
    folder, _, name = path.rpartition("/")
    with entered_folder(folder, within=within) as here:
        return os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=here)


def list_folder(name: str, within: int) -> int:
    """Open a folder of the folder ``within`` so that it can be listed. Raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=within)
