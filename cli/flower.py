"""`thoraq flower`."""

from __future__ import annotations

import os
import sys

import click

from cli.options import settings_option
from scheduler.broker import broker_url, ping
from scheduler.errors import BrokerUnavailable
from scheduler.settings import Settings, child_environment


@click.command()
@click.option("--port", default=5555, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="where to listen; Flower asks for no password, so leave it on loopback",
)
@settings_option
def flower(port: int, address: str, settings: Settings) -> None:
    """Watch the workers in a browser, on the broker that `up` or `process` runs.

    The command becomes Flower's process. It shows chunk numbers only: no path, no patient.

    \b
    Example:
      thoraq up --state /data/thoraq &
      thoraq flower --state /data/thoraq --port 5555
      then open http://127.0.0.1:5555
    """
    url = broker_url(settings)
    if ping(url) is None:
        raise BrokerUnavailable("no broker answers: start one with `thoraq up`")
    # The URL may hold a password: it goes through the environment, where ps does not show it.
    environment = child_environment(settings) | {"CELERY_BROKER_URL": url}
    command = [sys.executable, "-m", "celery", "flower", f"--address={address}", f"--port={port}"]
    os.execve(command[0], command, environment)  # noqa: S606 - becomes Flower
