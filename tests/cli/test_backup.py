"""Backup and restore as an operator runs them."""

from __future__ import annotations

from pathlib import Path

from cli.exits import Exit
from testbed.commands import Commands
from testbed.radiographs import write_radiographs


def test_a_database_is_backed_up_and_restored(commands: Commands, tmp_path: Path) -> None:
    write_radiographs(tmp_path / "inbox", 3)
    commands.run("submit", tmp_path / "inbox", "--batch", "b")

    made = commands.run("db", "backup", tmp_path / "copy")

    assert made.returncode == Exit.OK, made.stderr
    assert made.stdout == f"1 batches, 3 files, 3 jobs and 0 measurements in {tmp_path / 'copy'}\n"
    again = commands.run("db", "backup", tmp_path / "copy")
    assert (again.returncode, "copy-exists" in again.stderr) == (Exit.DATABASE, True)
    commands.run("cancel", "b")
    refused = commands.run("db", "restore", tmp_path / "copy")
    assert (refused.returncode, "database-not-empty" in refused.stderr) == (Exit.DATABASE, True)
    back = commands.run("db", "restore", tmp_path / "copy", "--replace")
    assert back.stdout == "1 batches, 3 files, 3 jobs and 0 measurements restored\n", back.stderr
    assert commands.json("status", "b")["queued"] == 3
    assert [row["action"] for row in commands.json("audit")] == ["restore", "read", "submit"]


def test_a_folder_retains_the_newest_copies(commands: Commands, tmp_path: Path) -> None:
    commands.run("db", "upgrade")
    folder = tmp_path / "copies"
    missing = commands.run("db", "backup", folder, "--keep", "1")
    assert (missing.returncode, "is not a directory" in missing.stderr) == (Exit.USAGE, True)
    folder.mkdir()
    without = commands.run("db", "backup", folder)
    assert (without.returncode, "is a directory" in without.stderr) == (Exit.USAGE, True)
    first = commands.run("db", "backup", folder, "--keep", "1")
    [copy] = folder.iterdir()
    assert first.stdout.splitlines()[0].endswith(f" in {copy}"), first.stderr
    again = commands.run("db", "backup", folder, "--keep", "1")
    assert again.stdout.splitlines()[1:] == [f"removed {copy}"], again.stderr
    assert len(list(folder.iterdir())) == 1
