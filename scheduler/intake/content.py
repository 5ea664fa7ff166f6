"""Reading one file at intake: its format, and the digests of its content."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import BinaryIO

from db.records import FileStat, Refusal, SeenFile
from radiograph.errors import FileUnavailable, NotAnImage, RadiographError, TooLarge
from radiograph.folders import open_file
from radiograph.instance import instance_of
from radiograph.recognition import HEAD_BYTES, recognise
from radiograph.records import ImageFormat
from scheduler.intake.walk import file_stat

_READ_BYTES = 1 << 20


def look_into(listed: FileStat, max_file_mb: int) -> SeenFile:
    """Hash and recognise a file; return it with a refusal if it cannot be measured."""
    try:
        return _look(listed, max_file_mb << 20)
    except RadiographError as exc:
        return SeenFile(listed, refusal=Refusal.of(exc))
    except OSError as exc:
        reason = FileUnavailable.because(exc.strerror)
        return SeenFile(listed, refusal=Refusal.of(reason))


def _look(listed: FileStat, max_bytes: int) -> SeenFile:
    if listed.size > max_bytes:
        raise TooLarge.because(f"{listed.size} bytes")
    # Follow no links: its name or a folder above may have been replaced by one meanwhile.
    with os.fdopen(open_file(listed.path), "rb", buffering=0) as file:
        _check_unchanged(file, listed)
        head = file.read(HEAD_BYTES)
        name = os.path.basename(listed.path)  # noqa: PTH119 - a path may hold any byte
        image_format = recognise(head, name)
        whole = _Hashed(file, head)
        instance = None
        if image_format is ImageFormat.DICOM:
            instance = instance_of(whole, head)
        while whole.read(_READ_BYTES):
            pass
        _check_unchanged(file, listed)
    return SeenFile(
        listed,
        sha256=whole.digest.hexdigest(),
        format=image_format,
        instance=instance,
    )


class _Hashed:
    """Hashes what is read from a file."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self.digest = hashlib.sha256(head)

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        found = self._file.read(size)
        self.digest.update(found)
        return found


def _check_unchanged(file: BinaryIO, listed: FileStat) -> None:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise NotAnImage("a pipe, socket or device, not a regular file")
    if file_stat(listed.path, found) != listed:
        raise FileUnavailable("it changed while being read; submit it again once it is complete")
