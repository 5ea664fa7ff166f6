"""The file of a picture, written beside its place and then moved there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import click

from cli.errors import PlaceUnusable
from cli.options import Paths


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
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise PlaceUnusable(f"{path}: not a file. {PlaceUnusable.__doc__}")
    # A name that nobody foresees, so that no file or link of somebody else is written through.
    draft = path.with_name(f".{path.name}.{token_hex(8)}.part")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
