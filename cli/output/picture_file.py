"""Files that an operator names with ``--out``, and pictures written into them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
from PIL import Image, features

from cli.errors import PlaceUnusable
from cli.options import Paths
from scheduler.rights import draft, is_stream

Command = TypeVar("Command", bound=Callable[..., object])

#: What Pillow writes, by the ending of a file's name.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
if not features.check("webp"):
    del FORMATS[".webp"]
#: Letters stay readable in JPEG and WebP.
QUALITY = 92


def out_option(
    kind: Paths, text: str, metavar: str = "FILE", *, more: bool = False
) -> Callable[[Command], Callable[..., object]]:
    """Give a command ``--out`` and ``--overwrite``, and its body an ``out`` that may be written.

    The rule for every command: the folder has to be there, and a file that exists is replaced only
    with ``--overwrite``; both are looked at before any work. ``more``: the command writes files
    beside it by the same rule, and is told ``overwrite``. Raises PlaceUnusable.
    """

    def with_options(command: Command) -> Callable[..., object]:
        @click.option("--out", type=kind, metavar=metavar, help=text)
        @click.option("--overwrite", is_flag=True, help="replace the file of --out if it exists")
        @wraps(command)
        def with_out(*args: Any, out: Path | None, overwrite: bool, **kwargs: Any) -> object:
            if out is not None:
                check_out(out, overwrite=overwrite)
            if more:
                kwargs["overwrite"] = overwrite
            return command(*args, out=out, **kwargs)

        return with_out

    return with_options


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


class PictureFile(Paths):
    """The file that a picture is drawn into; its ending has to be that of what is drawn."""

    def __init__(self, *endings: str) -> None:
        super().__init__(dir_okay=False)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() not in self._endings:
            name, endings = click.format_filename(path.name), " or ".join(self._endings)
            self.fail(f"{name}: the name of this picture ends in {endings}", param, ctx)
        return path


@contextmanager
def picture_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to draw into that appears whole or not at all, as an export does.

    Replaces an older file, but nothing else that has its name. Raises PlaceUnusable, OSError.
    """
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise PlaceUnusable.because(f"{path}: not a file")
    with draft(path) as half, half.open("wb") as file:
        yield file
