"""How Flower is started: its command, and what it is told through its environment."""

from __future__ import annotations

import sys
from urllib.parse import parse_qs, urlsplit

from scheduler.broker import ask, broker_url, ping
from scheduler.checkup.remedy import in_state
from scheduler.errors import BrokerUnavailable, PasswordNeeded, PasswordUnusable
from scheduler.listening import check_port, is_loopback
from scheduler.settings import Settings, child_environment

#: Of Flower's table of tasks: what a chunk is and became first, its number and message last.
COLUMNS = "name,state,result,exception,received,started,runtime,worker,kwargs,uuid"


def flower_process(settings: Settings, address: str, port: int) -> tuple[list[str], dict[str, str]]:
    """Return the command that becomes Flower, and its environment.

    Raises PasswordNeeded, PasswordUnusable, PortUnusable, BrokerUnavailable, BrokerRefuses,
    BrokerUntrusted.
    """
    secret = _basic_auth(settings)
    if secret is None and not is_loopback(address):
        raise PasswordNeeded
    check_port(address, port)  # Flower answers with a traceback
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
    return command, environment


def _basic_auth(settings: Settings) -> str | None:
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
