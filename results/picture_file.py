"""Pictures in a file: whole or not there, in the format that its ending says."""

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

#: What Pillow writes, by the ending of a file's name.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
if not features.check("webp"):
    del FORMATS[".webp"]
#: Letters stay readable in JPEG and WebP.
QUALITY = 92


def check_out(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that may not be written. Raises PlaceUnusable."""
    if is_stream(path):  # such as /dev/stdout, which nothing replaces
        return
    if not path.parent.is_dir():
        raise PlaceUnusable(f"{path.parent} is not a folder; make it first")
    if os.path.lexists(path):
        if not overwrite:
            raise PlaceUnusable(f"{path} exists; --overwrite replaces it")
        if not stat.S_ISREG(path.lstat().st_mode):
            raise PlaceUnusable.because(f"{path}: not a file")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format that the ending of its name says. Raises PlaceUnusable."""
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
    """Open a file to draw into that appears whole or not at all, as an export does.

    Replaces an older file, but nothing else that has its name. Raises PlaceUnusable, OSError.
    """
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise PlaceUnusable.because(f"{path}: not a file")
    with draft(path) as half, half.open("wb") as file:
        yield file
