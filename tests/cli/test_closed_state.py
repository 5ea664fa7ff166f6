"""State folders that are read-only, of another user, or on a full disk: one-line errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cli.exits import Exit
from db.database import Database
from db.intake import open_batch
from db.query.status import all_statuses
from db.states import Priority
from scheduler.settings import Settings
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.rights import BOUND_COMMAND, bound_by_rights

OTHER = 12345
READING = ("status", "status b --json", "failures b --csv", "results", "audit", "db check")
WRITING = ("submit films --batch c", "process films --batch c", "up", "retry b", "watch films")
#: The folder of another user is not readable either.
CLOSED = (*READING, *WRITING, "db upgrade")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts and gives away")


@pytest.fixture
def filled(tmp_path: Path) -> Commands:
    """Return a state folder with a batch that has a failure."""
    return fill(tmp_path, tmp_path / "state")


def fill(folder: Path, state: Path) -> Commands:
    (folder / "films").mkdir()
    (folder / "films" / "a.png").write_bytes(b"none")
    commands = Commands(state)
    assert commands.run("submit", folder / "films", "--batch", "b").returncode == Exit.OK
    return commands


def run(commands: Commands, folder: Path, line: str) -> tuple[int, list[str]]:
    """Run a command without CAP_DAC_OVERRIDE; return its exit code and errors."""
    ran = subprocess.run(
        [*BOUND_COMMAND, sys.executable, "-m", "cli", *line.split()],
        env=commands.environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert "Traceback" not in ran.stderr, line
    errors = [each for each in ran.stderr.splitlines() if each.startswith("error [")]
    return ran.returncode, errors


def refused(commands: Commands, folder: Path, line: str, code: str, remedy: str) -> None:
    ended, errors = run(commands, folder, line)
    assert ended == Exit.DATABASE, line
    [error] = errors
    assert error.startswith(f"error [{code}]: "), (line, error)
    assert remedy in error


@pytest.fixture
def read_only(filled: Commands) -> Iterator[Commands]:
    """Yield a state folder that is not writable."""
    found = [filled.state, *filled.state.rglob("*")]
    for each in found:
        each.chmod(each.stat().st_mode & 0o555)
    yield filled
    for each in found:
        each.chmod(each.stat().st_mode | 0o200)


def test_a_read_only_state_folder_can_be_read(read_only: Commands, tmp_path: Path) -> None:
    for line in (*READING, "db upgrade", "export --out e.csv"):
        assert run(read_only, tmp_path, line) == (Exit.OK, []), line
    for line in WRITING:
        refused(read_only, tmp_path, line, "database-read-only", "let this user write there")


@as_root
def test_a_state_folder_of_another_user_is_reported(filled: Commands, tmp_path: Path) -> None:
    for each in (filled.state, *filled.state.rglob("*")):
        os.chown(each, OTHER, OTHER)
    for line in CLOSED:
        refused(filled, tmp_path, line, "database-forbidden", "THORAQ_GROUP")
    assert run(filled, tmp_path, "doctor --here") == (Exit.UNSOUND, [])
    nowhere = Commands(filled.state / "below")
    refused(nowhere, tmp_path, "db upgrade", "database-forbidden", "THORAQ_GROUP")


@as_root
def test_a_state_folder_on_a_full_disk_is_readable_and_recovers(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        full = fill(tmp_path, disk / "state")
        with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        for line in (*READING, "db upgrade"):
            assert run(full, tmp_path, line) == (Exit.OK, []), line
        for line in WRITING:
            refused(full, tmp_path, line, "database-full", "free some space")
        fresh = Commands(disk / "fresh")
        for line in ("db upgrade", "process films"):
            refused(fresh, tmp_path, line, "database-full", "free some space")
        (disk / "ballast").unlink()
        assert run(full, tmp_path, "submit films --batch c") == (Exit.OK, [])
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_read_only_database_shows_changes_of_other_processes(read_only: Commands) -> None:
    settings = Settings(state=read_only.state)
    reader = Database.open(settings.database)
    with bound_by_rights():
        assert [each.batch.name for each in all_statuses(reader)] == ["b"]
    for each in (read_only.state, read_only.state / "thoraq.db"):
        each.chmod(0o700)
    writer = Database.open(settings.database)
    open_batch(writer, "later", Priority.ROUTINE)
    with bound_by_rights():
        assert [each.batch.name for each in all_statuses(reader)] == ["b", "later"]
    for each in (reader, writer):
        each.dispose()
