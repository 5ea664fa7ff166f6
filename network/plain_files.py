"""Regular files of limited size, opened without following links: for models from elsewhere."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from network.errors import ModelFileUnfit, WeightsMissing

_PIECE = 1 << 20


@contextmanager
def plain_file(path: Path, most: int) -> Iterator[BinaryIO]:
    """Open a file of at most ``most`` bytes. Raises ModelFileUnfit, WeightsMissing."""
    try:
        # O_NONBLOCK: opening a pipe would block for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as exc:
        raise WeightsMissing.about(path.name) from exc
    except OSError as exc:
        raise ModelFileUnfit.because(f"{path.name}: {exc.strerror}") from exc
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        os.close(descriptor)
        raise ModelFileUnfit.about(path.name)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def copy_plain(source: Path, target: Path, most: int) -> str:
    """Copy a file and return the SHA-256 of the copied bytes.

    Raises ModelFileUnfit, WeightsMissing, OSError.
    """
    digest = hashlib.sha256()
    size = 0
    with plain_file(source, most) as file, target.open("xb") as copy:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > most:  # it grew while being read
                raise ModelFileUnfit.about(source.name)
            digest.update(piece)
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()
