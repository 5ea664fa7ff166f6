"""`thoraq flower`."""

from __future__ import annotations

import os

import click

from cli.options import settings_option
from scheduler.flower_process import flower_process
from scheduler.settings import Settings


@click.command()
@click.option("--port", default=5555, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="address to listen on; any but loopback requires THORAQ_FLOWER_PASSWORD",
)
@settings_option
def flower(port: int, address: str, settings: Settings) -> None:
    """Monitor the workers in a browser, through the broker that `up` or `process` runs.

    Runs Flower in place of this process. It shows batch names, chunk numbers and outcomes, never
    paths or patients. If THORAQ_FLOWER_PASSWORD is set, it asks for a user and that password.

    \b
    Example:
      thoraq up --state /data/thoraq &
      thoraq flower --state /data/thoraq --port 5555
      then open http://127.0.0.1:5555
    """
    command, environment = flower_process(settings, address, port)
    os.execve(command[0], command, environment)  # noqa: S606 - becomes Flower
