"""Looking into one file: what it is, and the digests by which its content is known."""

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


def look_into(met: FileStat, max_file_mb: int) -> SeenFile:
    """Hash and recognise a file; one that cannot be measured comes back refused."""
    try:
        return _look(met, max_file_mb << 20)
    except RadiographError as exc:
        return SeenFile(met, refusal=Refusal.of(exc))
    except OSError as exc:
        reason = FileUnavailable.because(exc.strerror)
        return SeenFile(met, refusal=Refusal.of(reason))


def _look(met: FileStat, max_bytes: int) -> SeenFile:
    if met.size > max_bytes:
        raise TooLarge.because(f"{met.size} bytes")
    # Its name or a folder above may have become a link since it was met: follow none.
    with os.fdopen(open_file(met.path), "rb", buffering=0) as file:
        _check_unchanged(file, met)
        head = file.read(HEAD_BYTES)
        name = os.path.basename(met.path)  # noqa: PTH119 - a path may hold any byte
        image_format = recognise(head, name)
        whole = _Hashed(file, head)
        instance = None
        if image_format is ImageFormat.DICOM:
            instance = instance_of(whole, head)
        while whole.read(_READ_BYTES):
            pass
        _check_unchanged(file, met)
    return SeenFile(
        met,
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


def _check_unchanged(file: BinaryIO, met: FileStat) -> None:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise NotAnImage("a pipe, socket or device is no file")
    if file_stat(met.path, found) != met:
        raise FileUnavailable("it changed while it was read; submit it again once it is complete")
