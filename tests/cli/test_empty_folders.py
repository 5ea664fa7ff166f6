"""Commands that only read do not write to a folder named by mistake, and name it."""

from __future__ import annotations

import grp
import os
from pathlib import Path

import pytest

from cli.exits import Exit
from db.address import sqlite_url
from db.database import Database
from db.errors import DatabaseAway
from db.operations import retry
from scheduler.settings import process_environment
from testbed.checkout import ROOT
from tests.cli.forked import run_forked

READING = [
    ("status",),
    ("status", "night"),
    ("results",),
    ("failures",),
    ("audit",),
    ("retry", "night"),
    ("models", "list"),
    ("train", "list"),
    ("forget", "--batch", "night", "--yes"),
    ("db", "check"),
]


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a command without a state folder."""
    found = {**process_environment(), "PYTHONPATH": str(ROOT), **extra}
    return {name: value for name, value in found.items() if name != "THORAQ_STATE"}


@pytest.mark.parametrize("holding", ["", "letters.txt"], ids=["empty", "anothers"])
@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "group"])
def test_a_reading_command_does_not_change_a_foreign_folder(
    tmp_path: Path, holding: str, grouped: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    if holding:
        (folder / holding).touch()
    before = folder.stat()
    group = grp.getgrgid(os.getgid()).gr_name
    extra = {"THORAQ_GROUP": group} if grouped else {}
    for words in READING:
        ran = run_forked([*words, "--state", str(folder)], environment(**extra))
        assert "schema-outdated" not in ran.stderr, words
        assert "permissions corrected" not in ran.stderr, words
        assert [each.name for each in folder.iterdir()] == [holding] * bool(holding), words
        assert folder.stat().st_mode == before.st_mode, words
        assert folder.stat().st_gid == before.st_gid, words
    missing = tmp_path / "missing"
    run_forked(["status", "--state", str(missing)], environment(**extra))
    assert not missing.exists()


@pytest.mark.parametrize("name", ["thoraq.db", "a b%3F?#.db", "ü/x.db"])
def test_a_sqlite_file_is_created_only_by_upgrade(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    for url in (
        sqlite_url(path),
        f"sqlite:///file:{path.parent}/uri.db?uri=true",
        "sqlite:///relative.db",
    ):
        database = Database.open(url)
        with pytest.raises(DatabaseAway, match="creates one"), database.read():
            pass
        with pytest.raises(DatabaseAway):
            retry(database, "night", None, 1)
        database.dispose()
    assert list(path.parent.iterdir()) == []
    assert not Path("relative.db").exists()


def test_an_empty_path_is_refused(tmp_path: Path) -> None:
    environment_here = environment(PWD=str(tmp_path))
    for words in (
        ("status", "--state", ""),
        ("results", "--state="),
        ("submit", ""),
        ("export", "--out", ""),
        ("watch", ""),
    ):
        ran = run_forked(words, environment_here)
        assert ran.returncode == Exit.USAGE, (words, ran)
        assert "the path is empty" in ran.stderr
