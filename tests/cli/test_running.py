"""The stack in the foreground with a submitted batch, and Flower."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exits import Exit
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.servers.redis import RedisServer
from tests.cli.processed import Processed
from tests.cli.test_processing import processes_of

Start = Callable[..., subprocess.Popen[str]]


#: Characters that are special in a URL, a shell, a configuration file or a format.
ODD = "-s?b=c#d%20e%&f;g\nh ü'\"`$x\\:@\udcff "


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Return the commands on a state folder with special characters in its name."""
    return Commands(tmp_path / ODD)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def page(url: str, holding: str, user: str | None = None) -> str:
    """Request a page until it contains a text and return it; after a timeout, the last response.

    ``user``: name and password, with a colon between them.
    """
    said = {} if user is None else {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}
    asked = urllib.request.Request(url, headers=said)  # noqa: S310 - loopback
    deadline = time.monotonic() + PATIENCE_SECONDS
    answered = ""
    while holding not in answered and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 - loopback
                answered = answer.read().decode()
        except (urllib.error.URLError, TimeoutError, ConnectionError) as exc:
            answered = str(exc)
        time.sleep(0.2)
    return answered


def test_up_measures_what_is_submitted_and_flower_lists_its_workers(
    processed: Processed, commands: Commands, start: Start, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for row in processed.commands.json("results", "--limit", "3"):
        shutil.copy(row["path"], inbox)
    up = start("up", "--device", "cpu")
    commands.run("submit", inbox, "--batch", "b", "--priority", "urgent")
    followed = commands.run("status", "b", "--follow")
    assert "3 seen = 3 measured" in followed.stdout, followed.stderr

    port = free_port()
    flower = start("flower", "--port", str(port))
    said = page(f"http://127.0.0.1:{port}/workers", "cpu0@")
    assert "cpu0@" in said, said
    assert str(inbox) not in said
    flower.send_signal(signal.SIGINT)
    flower.communicate(timeout=PATIENCE_SECONDS)

    up.send_signal(signal.SIGINT)
    up.communicate(timeout=PATIENCE_SECONDS)
    assert up.returncode == Exit.OK
    assert processes_of(commands.state) == []


def test_flower_requires_a_password_on_public_addresses(
    commands: Commands, start: Start, tmp_path: Path
) -> None:
    broker = RedisServer(tmp_path / "redis")
    broker.start()
    port = free_port()
    commands.extra["THORAQ_BROKER_URL"] = broker.url
    commands.extra["THORAQ_FLOWER_PASSWORD"] = "open: sesame"  # noqa: S105 - made up
    flower = start("flower", "--address", "0.0.0.0", "--port", str(port))  # noqa: S104
    try:
        for path in ("workers", "broker", "tasks", "api/workers", "api/tasks"):
            assert "401" in page(f"http://127.0.0.1:{port}/{path}", "401"), path
        for wrong in ("thoraq:", "thoraq:open", "other:open: sesame"):
            assert "401" in page(f"http://127.0.0.1:{port}/workers", "401", user=wrong), wrong
        right = "thoraq:open: sesame"
        assert "Flower" in page(f"http://127.0.0.1:{port}/workers", "Flower", user=right)
        assert "sesame" not in Path(f"/proc/{flower.pid}/cmdline").read_text()
    finally:
        flower.send_signal(signal.SIGINT)
        flower.communicate(timeout=PATIENCE_SECONDS)
        broker.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
@pytest.mark.parametrize("silent", [True, False], ids=["silent", "gone"])
def test_flower_ends_on_the_first_signal_without_a_broker(
    commands: Commands, start: Start, tmp_path: Path, number: signal.Signals, *, silent: bool
) -> None:
    broker = RedisServer(tmp_path / "redis")
    broker.start()
    commands.extra["THORAQ_BROKER_URL"] = broker.url
    port = free_port()
    flower = start("flower", "--port", str(port))
    try:
        page(f"http://127.0.0.1:{port}/workers", "Flower")
        if silent:
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGSTOP)
        else:
            broker.kill()
        time.sleep(6)  # it polls workers every five seconds
        flower.send_signal(number)
        flower.communicate(timeout=25)
        assert flower.returncode == 0
    finally:
        flower.kill()
        broker.kill()


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, "password-needed"),
        ({"THORAQ_FLOWER_PASSWORD": ""}, "wrong-setting"),
        # Flower would accept either half of it.
        ({"THORAQ_FLOWER_PASSWORD": "open,sesame"}, "password-unusable"),
        ({"THORAQ_FLOWER_PASSWORD": "sésame"}, "password-unusable"),
        ({"THORAQ_FLOWER_PASSWORD": "x", "THORAQ_FLOWER_USER": "a:b"}, "password-unusable"),
    ],
)
def test_flower_does_not_start_with_an_ineffective_password(
    commands: Commands, settings: dict[str, str], code: str
) -> None:
    commands.extra.update(settings)
    refused = commands.run("flower", "--address", "0.0.0.0")  # noqa: S104 - refused
    assert (refused.returncode, code in refused.stderr) == (Exit.USAGE, True), refused.stderr
    assert "sesame" not in refused.stderr
