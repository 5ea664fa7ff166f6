"""`thoraq evaluate`."""

from __future__ import annotations

import subprocess
import sys

import click

from scheduler.settings import read_settings


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=True,
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def evaluate(ctx: click.Context, options: tuple[str, ...]) -> None:
    """Test the network against annotated images.

    Prints errors of the landmarks in px of a 224 frame, of the expected errors and of the
    cardiothoracic index, each with its interval. All options are those of
    `python -m training.evaluate`, which runs in a process of its own: --split, --model CARD (its
    JSON file; several are averaged into an ensemble), --device, --json, --pictures DIR (truth
    against prediction for every film, and a list of them), --html FILE (one page of everything).

    \b
    Example: the shipped network's figures, the pictures and the page
      thoraq evaluate --data ../shared/data --pictures drawn --html page.html
    """
    command = [sys.executable, "-m", "training.evaluate", *options]
    if roots := read_settings().allowed_roots:
        command += ["--roots", ":".join(map(str, roots))]  # the last one counts
    ctx.exit(subprocess.run(command, check=False).returncode)
