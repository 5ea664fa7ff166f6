"""`thoraq dataset`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from cli.options import Paths
from cli.out_option import PictureFile, out_option
from cli.output.printing import Form, form_options
from scheduler.roots import check_allowed
from scheduler.settings import read_settings

data_option = click.option(
    "--data",
    required=True,
    type=Paths(),
    metavar="DIR",
    help="folder of the data sets: landmarks15, cardiothoracic, or folders of images by category"
    " with a table of coordinates",
)


@click.group()
def dataset() -> None:
    """Check and describe annotated images.

    \b
    Example:
      thoraq dataset check --data /srv/annotated
    """


@dataset.command()
@data_option
@form_options
@click.pass_context
def check(ctx: click.Context, data: Path, form: Form) -> None:
    """List errors in annotated images, with file and line.

    Finds missing and unreadable images, malformed rows, points outside the frame or on the wrong
    side, duplicates across splits, images without a row, and outlines that do not match. Exits
    with code 4 (UNSOUND) if anything was found.

    \b
    Example: every finding as CSV
      thoraq dataset check --data /srv/annotated --csv > findings.csv
    """
    ctx.exit(run("check", data, form))


@dataset.command()
@data_option
@out_option(
    PictureFile(".png", ".svg", ".pdf"),
    "draw examples, the mean shape and the distributions into a PNG, SVG or PDF file",
    "PICTURE",
)
@form_options
@click.pass_context
def explore(ctx: click.Context, data: Path, out: Path | None, form: Form) -> None:
    """Describe annotated images.

    Shows counts by source, category and split, image sizes, mean and spread of each point, natural
    asymmetry, and the cardiothoracic indices. CSV contains only the points.

    \b
    Example:
      thoraq dataset explore --data /srv/annotated --out shape.png
    """
    ctx.exit(run("explore", data, form, *(() if out is None else ("--out", out))))


def run(action: str, data: Path, form: Form, *words: str | Path) -> int:
    """Run ``python -m training.dataset`` in its own process; return its exit code.

    Raises PlaceForbidden.
    """
    check_allowed(data, read_settings().allowed_roots)
    command = [sys.executable, "-m", "training.dataset", action, "--data", data, *words]
    if form is not Form.TABLE:
        command.append(f"--{form}")
    return subprocess.run(command, check=False).returncode
