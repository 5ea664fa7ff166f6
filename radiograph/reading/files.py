"""The bytes of one regular file, and no others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from radiograph.errors import FileUnavailable, TooLarge


@contextmanager
def opened(path: Path | str, max_bytes: int) -> Iterator[BinaryIO]:
    """Open a regular file of at most ``max_bytes``; whatever the share does is FileUnavailable.

    Raises FileUnavailable, TooLarge.
    """
    try:
        # A named pipe without a writer would hold a plain open up for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileUnavailable(f"not a regular file. {FileUnavailable.__doc__}")
            if status.st_size > max_bytes:
                raise TooLarge(f"{status.st_size} bytes. {TooLarge.__doc__}")
            yield file
    except OSError as exc:
        raise FileUnavailable(f"{exc.strerror or 'I/O error'}. {FileUnavailable.__doc__}") from exc
    except ValueError as exc:  # a NUL in the path
        raise FileUnavailable(f"no such path. {FileUnavailable.__doc__}") from exc


def content(file: BinaryIO, max_bytes: int) -> bytes:
    """Read all of a file that may still grow. Raises OSError, TooLarge."""
    file.seek(0)
    read = file.read(max_bytes + 1)
    if len(read) > max_bytes:
        raise TooLarge(f"over {max_bytes} bytes. {TooLarge.__doc__}")
    return read
