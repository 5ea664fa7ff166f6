"""Writing pictures to a file, atomically and in the format of its extension."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, features

from results.errors import PlaceUnusable
from scheduler.rights import draft, is_stream

#: Pillow's format by extension.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
if not features.check("webp"):
    del FORMATS[".webp"]
#: Text stays readable in JPEG and WebP.
QUALITY = 92


def check_out(path: Path, *, overwrite: bool) -> None:
    """Check that a file may be written. Raises PlaceUnusable."""
    if is_stream(path):  # such as /dev/stdout, which is never replaced
        return
    if not path.parent.is_dir():
        raise PlaceUnusable(f"{path.parent} is not a folder; create it first")
    if os.path.lexists(path):
        if not overwrite:
            raise PlaceUnusable(f"{path} exists; use --overwrite to replace it")
        if not stat.S_ISREG(path.lstat().st_mode):
            raise PlaceUnusable.because(f"{path}: not a file")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format of its extension. Raises PlaceUnusable."""
    kind = FORMATS[path.suffix.lower()]
    with picture_file(path) as file:
        picture.save(file, kind, **({} if kind == "PNG" else {"quality": QUALITY}))


@contextmanager
def written_at(path: Path) -> Iterator[None]:
    """Have a file that cannot be written named as it was asked for. Raises PlaceUnusable."""
    try:
        yield
    except OSError as exc:
        raise PlaceUnusable.because(f"{path}: {exc.strerror or exc}") from exc


@contextmanager
def picture_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for a picture, which is written completely or not at all.

    Replaces an older file, but no folder or device. Raises PlaceUnusable, OSError.
    """
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise PlaceUnusable.because(f"{path}: not a file")
    with draft(path) as half, half.open("wb") as file:
        yield file
