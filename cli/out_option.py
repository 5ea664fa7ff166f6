"""The option ``--out``: a file, named by the operator, that a command writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.options import Paths
from results.picture_file import check_out

Command = TypeVar("Command", bound=Callable[..., object])


def out_option(
    kind: Paths,
    text: str,
    metavar: str = "FILE",
    *,
    more: bool = False,
    replaces: str = "replace the file of --out if it exists",
) -> Callable[[Command], Callable[..., object]]:
    """Add ``--out`` and ``--overwrite`` to a command, and pass it an ``out`` that may be written.

    The folder must exist, and an existing file is replaced only with ``--overwrite``; both are
    checked before any work. ``more``: the command writes further files by the same rule, and is
    passed ``overwrite``. ``replaces``: the help of ``--overwrite``. Raises PlaceUnusable.
    """

    def with_options(command: Command) -> Callable[..., object]:
        @click.option("--out", type=kind, metavar=metavar, help=text)
        @click.option("--overwrite", is_flag=True, help=replaces)
        @wraps(command)
        def with_out(*args: Any, out: Path | None, overwrite: bool, **kwargs: Any) -> object:
            if out is not None:
                check_out(out, overwrite=overwrite)
            if more:
                kwargs["overwrite"] = overwrite
            return command(*args, out=out, **kwargs)

        return with_out

    return with_options


class PictureFile(Paths):
    """A file for a picture; its extension must be one of ``endings``."""

    def __init__(self, *endings: str) -> None:
        super().__init__(dir_okay=False)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() not in self._endings:
            name, endings = click.format_filename(path.name), " or ".join(self._endings)
            self.fail(f"{name}: the file name must end in {endings}", param, ctx)
        return path
