"""`thoraq flower`."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from urllib.parse import parse_qs, urlsplit

import click

from cli.options import settings_option
from cli.output.shell import in_state
from scheduler.broker import ask, broker_url, ping
from scheduler.errors import BrokerUnavailable, PasswordNeeded, PasswordUnusable, PortUnusable
from scheduler.settings import Settings, child_environment

#: Columns of Flower's table of tasks, in order.
COLUMNS = "name,state,result,exception,received,started,runtime,worker,kwargs,uuid"


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
    secret = basic_auth(settings)
    if secret is None and not is_loopback(address):
        raise PasswordNeeded
    check_port(address, port)
    url = broker_url(settings)
    if settings.broker_url is not None:
        ask(url)
    elif ping(url) is None:
        raise BrokerUnavailable(f"no broker answers: start one with `{in_state('thoraq up')}`")
    # Pass passwords in the environment: command lines are visible to every user.
    environment = child_environment(settings) | {"CELERY_BROKER_URL": url}
    if secret is not None:
        environment["FLOWER_BASIC_AUTH"] = secret
    if authority := parse_qs(urlsplit(url).query).get("ssl_ca_certs"):
        # Flower's broker page ignores the URL's options but respects OpenSSL's variable.
        environment["SSL_CERT_FILE"] = authority[0]
    command = [sys.executable, "-m", "scheduler.flower", f"--address={address}", f"--port={port}"]
    command.append(f"--tasks_columns={COLUMNS}")
    os.execve(command[0], command, environment)  # noqa: S606 - becomes Flower


def basic_auth(settings: Settings) -> str | None:
    """Return Flower's ``user:password``; None if no password is set.

    Raises PasswordUnusable.
    """
    password = settings.flower_password
    if password is None or not password.get_secret_value():
        return None
    user, secret = settings.flower_user, password.get_secret_value()
    # Flower splits at commas: of "a,b", either part alone would be accepted.
    if "," in user + secret or ":" in user or not (user + secret).isascii():
        raise PasswordUnusable
    return f"{user}:{secret}"


def check_port(address: str, port: int) -> None:
    """Check that Flower can listen on the port; it would fail with a traceback otherwise.

    Tries every address of a host name, as Flower does. Raises PortUnusable.
    """
    try:
        for family, kind, protocol, _, endpoint in socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(endpoint)
                probe.listen()
    except OSError as exc:
        raise PortUnusable.because(f"{address}, port {port}: {exc.strerror}") from exc


def is_loopback(address: str) -> bool:
    """Whether an address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
