"""`thoraq evaluate`."""

from __future__ import annotations

import subprocess
import sys

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=True,
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def evaluate(ctx: click.Context, options: tuple[str, ...]) -> None:
    """Test the network against annotated images.

    Prints landmark errors in px of a 224 frame and the error of the cardiothoracic index. All
    options are those of `python -m training.evaluate`, which runs in a process of its own.

    \b
    Example:
      thoraq evaluate --data ../shared/data
    """
    command = [sys.executable, "-m", "training.evaluate", *options]
    ctx.exit(subprocess.run(command, check=False).returncode)
