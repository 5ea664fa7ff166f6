"""`thoraq flower`."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from urllib.parse import parse_qs, urlsplit

import click

from cli.options import settings_option
from scheduler.broker import ask, broker_url, ping
from scheduler.checkup.remedy import in_state
from scheduler.errors import BrokerUnavailable, PasswordNeeded, PasswordUnusable, PortUnusable
from scheduler.settings import Settings, child_environment

#: Of Flower's table of tasks: what a chunk is and became first, its number and message last.
COLUMNS = "name,state,result,exception,received,started,runtime,worker,kwargs,uuid"


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

    The command becomes Flower's process. It shows names of batches, numbers of chunks and what
    became of them: no path, no patient. With THORAQ_FLOWER_PASSWORD set it asks for a user and
    that password.

    \b
    Example:
      thoraq up --state /data/thoraq &
      thoraq flower --state /data/thoraq --port 5555
      then open http://127.0.0.1:5555
    """
    secret = basic_auth(settings)
    if secret is None and not is_loopback(address):
        raise PasswordNeeded
    check_port(address, port)
    url = broker_url(settings)
    if settings.broker_url is not None:
        ask(url)
    elif ping(url) is None:
        raise BrokerUnavailable(
            f"no broker answers: start one with `{in_state('thoraq up', settings)}`"
        )
    # Passwords go through the environment, where ps does not show them.
    environment = child_environment(settings) | {"CELERY_BROKER_URL": url}
    if secret is not None:
        environment["FLOWER_BASIC_AUTH"] = secret
    if authority := parse_qs(urlsplit(url).query).get("ssl_ca_certs"):
        # Its page on the broker takes no option of the URL, but OpenSSL's own variable.
        environment["SSL_CERT_FILE"] = authority[0]
    command = [sys.executable, "-m", "scheduler.flower", f"--address={address}", f"--port={port}"]
    command.append(f"--tasks_columns={COLUMNS}")
    os.execve(command[0], command, environment)  # noqa: S606 - becomes Flower


def basic_auth(settings: Settings) -> str | None:
    """Return who may look and by which password; None: no password is set.

    Raises PasswordUnusable.
    """
    password = settings.flower_password
    if password is None or not password.get_secret_value():
        return None
    user, secret = settings.flower_user, password.get_secret_value()
    # Flower takes a list: "a,b" would let in whoever knows the half before the comma.
    if "," in user + secret or ":" in user or not (user + secret).isascii():
        raise PasswordUnusable
    return f"{user}:{secret}"


def check_port(address: str, port: int) -> None:
    """Listen for a moment where Flower will, which answers with a traceback. Raises PortUnusable.

    As Flower does, on every address that a name has.
    """
    try:
        for family, kind, protocol, _, place in socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
                probe.listen()
    except OSError as exc:
        said = f"{address}, port {port}: {exc.strerror}"
        raise PortUnusable.because(said) from exc


def is_loopback(address: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
