"""Fixtures: an archive measured once by the real command, for tests that only read."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.database import Database
from db.models import register_model
from scheduler.settings import Settings
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.landmark_set import write_landmark_set
from testbed.radiographs import write_radiographs
from tests.cli.measured_archive import Archive
from tests.cli.processed import Processed
from tests.docs.transcript import World


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Processed:
    world = World(tmp_path_factory.mktemp("srv"))
    world.make_archive()
    world.make_network()
    world.make_radiographs()
    printed = world.run("thoraq process /srv/archive")
    assert "This run: " in printed, printed
    return Processed(world, Commands(world.folder / "thoraq"), printed)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of annotated radiographs."""
    return write_landmark_set(tmp_path_factory.mktemp("films") / "films")


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Return the commands on a state folder that does not exist yet."""
    return Commands(tmp_path / "state")


@pytest.fixture
def start(commands: Commands) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Yield a function that starts commands, which are stopped at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str | Path) -> subprocess.Popen[str]:
        started.append(commands.start(*words))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def archive(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Archive]:
    """Yield an archive of four radiographs, and one of another patient elsewhere."""
    folder, outside = tmp_path / "archive" / "study", tmp_path / "outside"
    write_radiographs(folder, 4)
    write_radiographs(outside, 1, seed=7)
    commands = Commands(tmp_path / "state", {"THORAQ_ROOTS": str(folder.parent)})
    commands.state.mkdir()
    settings = Settings(state=commands.state, roots=str(folder.parent))
    shutil.copyfile(migrated_sqlite, commands.state / "thoraq.db")
    database = Database.open(settings.database)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    yield Archive(folder, outside, database, settings, commands)
    database.dispose()
