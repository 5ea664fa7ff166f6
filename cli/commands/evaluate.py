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
    """Evaluate a network on annotated images.

    Prints the errors of the landmarks in px of a 224 frame, of the expected errors and of the
    cardiothoracic index, each with its interval. The options are those of
    `python -m training.evaluate`, which runs in its own process: --split, --model CARD (a JSON
    file; several are averaged into an ensemble), --device, --json, --pictures DIR (truth and
    prediction of every radiograph, with a list), --html FILE (everything on one page).

    \b
    Example: the figures of the shipped network, with pictures and an HTML page
      thoraq evaluate --data /srv/annotated --pictures drawn --html page.html
    """
    command = [sys.executable, "-m", "training.evaluate", *options]
    if roots := read_settings().allowed_roots:
        command += ["--roots", ":".join(map(str, roots))]  # the last --roots applies
    ctx.exit(subprocess.run(command, check=False).returncode)
