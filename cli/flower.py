"""`thoraq flower`."""

from __future__ import annotations

import ipaddress
import os
import sys

import click

from cli.options import settings_option
from scheduler.broker import broker_url, ping
from scheduler.errors import BrokerUnavailable, PasswordNeeded
from scheduler.settings import Settings, child_environment


@click.command()
@click.option("--port", default=5555, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="where to listen; anything but loopback needs THORAQ_FLOWER_PASSWORD",
)
@settings_option
def flower(port: int, address: str, settings: Settings) -> None:
    """Watch the workers in a browser, on the broker that `up` or `process` runs.

    The command becomes Flower's process. It shows chunk numbers only: no path, no patient. With
    THORAQ_FLOWER_PASSWORD set it asks for a user and that password.

    \b
    Example:
      thoraq up --state /data/thoraq &
      thoraq flower --state /data/thoraq --port 5555
      then open http://127.0.0.1:5555
    """
    password = settings.flower_password
    if password is None and not is_loopback(address):
        raise PasswordNeeded(PasswordNeeded.__doc__)
    url = broker_url(settings)
    if ping(url) is None:
        raise BrokerUnavailable("no broker answers: start one with `thoraq up`")
    # Passwords go through the environment, where ps does not show them.
    environment = child_environment(settings) | {"CELERY_BROKER_URL": url}
    if password is not None:
        secret = f"{settings.flower_user}:{password.get_secret_value()}"
        environment["FLOWER_BASIC_AUTH"] = secret
    command = [sys.executable, "-m", "celery", "flower", f"--address={address}", f"--port={port}"]
    os.execve(command[0], command, environment)  # noqa: S606 - becomes Flower


def is_loopback(address: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
