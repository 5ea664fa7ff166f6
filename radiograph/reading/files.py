"""Opening and reading regular files only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from radiograph.errors import FileUnavailable, TooLarge
from radiograph.folders import open_file


@contextmanager
def opened_file(
    path: Path | str, max_bytes: int, *, follow_links: bool = True
) -> Iterator[BinaryIO]:
    """Open a regular file of at most ``max_bytes``; every OSError becomes FileUnavailable.

    Without ``follow_links`` the path is absolute, and neither it nor any folder above may be a
    symbolic link.
    Raises FileUnavailable, TooLarge.
    """
    try:
        descriptor = _descriptor(path, follow_links=follow_links)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileUnavailable.because("not a regular file")
            if status.st_size > max_bytes:
                raise TooLarge.because(f"{status.st_size} bytes")
            yield file
    except OSError as exc:
        raise FileUnavailable.because(exc.strerror or "I/O error") from exc


def _descriptor(path: Path | str, *, follow_links: bool) -> int:
    try:
        return open_file(str(path), follow_links=follow_links)
    except ValueError as exc:  # a NUL in the path
        raise FileUnavailable.because("no such path") from exc


def content(file: BinaryIO, max_bytes: int) -> bytes:
    """Return all bytes of a file that may still grow. Raises OSError, TooLarge."""
    file.seek(0)
    read = file.read(max_bytes + 1)
    if len(read) > max_bytes:
        raise TooLarge.because(f"over {max_bytes} bytes")
    return read
