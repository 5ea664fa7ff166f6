"""The option ``--out``: files that an operator names, to be written by a command."""

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
