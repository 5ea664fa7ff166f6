"""Pictures of stored radiographs, read under the same limits as for measuring.

Landmarks must not be drawn on another patient's image: the file at the path has to be the measured
one, below the roots, and is decoded in a reading process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from db.records import Refusal
from radiograph.errors import RadiographError, Unreadable
from radiograph.image import Radiograph
from scheduler.settings import Settings
from worker.limits import read_limits
from worker.readers.connection import ReaderProcess, RefusedFile
from worker.readers.pool import ask_reader


class Pictures:
    """Reads one radiograph after another in one reading process, which `close` ends."""

    def __init__(self, settings: Settings) -> None:
        self._process = ReaderProcess(
            replace(read_limits(settings), enough_px=None),
            timeout_seconds=settings.read_timeout_seconds,
            memory_mb=settings.read_memory_mb,
            roots=settings.allowed_roots,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def read(self, path: str, sha256: str, side_px: int) -> Radiograph:
        """Return a radiograph of this content; pixels uint8, the longer side ``side_px``.

        Raises RadiographError, ReaderUnavailable.
        """
        read = ask_reader(lambda: self._process.picture(path, sha256, side_px))
        if isinstance(read, RefusedFile):
            raise _error_of(read.refusal)
        return read

    def close(self) -> None:
        """End the reading process."""
        self._process.close()


def _error_of(refusal: Refusal) -> RadiographError:
    """Return the error in a reading process's answer."""
    kind = next((each for each in _kinds(RadiographError) if each.code == refusal.code), Unreadable)
    return kind(refusal.detail)


def _kinds(family: type[RadiographError]) -> Iterator[type[RadiographError]]:
    for each in family.__subclasses__():
        yield each
        yield from _kinds(each)
