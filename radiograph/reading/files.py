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
        descriptor = _descriptor(path)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileUnavailable.because("not a regular file")
            if status.st_size > max_bytes:
                raise TooLarge.because(f"{status.st_size} bytes")
            yield file
    except OSError as exc:
        raise FileUnavailable.because(exc.strerror or "I/O error") from exc


def _descriptor(path: Path | str) -> int:
    try:
        # A named pipe without a writer would hold a plain open up for ever.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as exc:  # a NUL in the path
        raise FileUnavailable.because("no such path") from exc


def content(file: BinaryIO, max_bytes: int) -> bytes:
    """Read all of a file that may still grow. Raises OSError, TooLarge."""
    file.seek(0)
    read = file.read(max_bytes + 1)
    if len(read) > max_bytes:
        raise TooLarge.because(f"over {max_bytes} bytes")
    return read
