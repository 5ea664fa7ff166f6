"""The file of a picture, written beside its place and then moved there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from cli.errors import PlaceUnusable
from cli.options import Paths
from scheduler.rights import draft


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
        raise PlaceUnusable(f"{path}: not a file. {PlaceUnusable.__doc__}")
    with draft(path) as half, half.open("wb") as file:
        yield file
