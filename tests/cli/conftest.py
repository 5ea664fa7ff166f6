"""One archive, measured once by the real command, for every test that only reads."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.commands import PATIENCE_SECONDS, Commands, Processed
from tests.readme.films import make_films
from tests.readme.transcript import World


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Processed:
    world = World(tmp_path_factory.mktemp("srv"))
    world.make_archive()
    world.make_network()
    world.make_films()
    printed = world.run("thoraq process /srv/archive")
    assert "This run: " in printed, printed
    return Processed(world, Commands(world.folder / "thoraq"), printed)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of annotated films."""
    return make_films(tmp_path_factory.mktemp("films") / "films")


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Give the commands on a state folder that is not there yet."""
    return Commands(tmp_path / "state")


@pytest.fixture
def start(commands: Commands) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start commands that are stopped at the test's end."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str | Path) -> subprocess.Popen[str]:
        started.append(commands.start(*words))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
