"""The commands of the newest upgrade note, run on a database of version 0.1.0."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cli.exits import Exit
from db import schema
from network.card import shipped_card
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.previous_release import BATCH, ENDINGS, write_previous
from testbed.radiographs import write_radiographs

#: The schema of version 0.1.0.
FIRST = "0001"


def asked_for() -> list[str]:
    """Return the commands of the newest upgrade note, in their order."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    note = changes.partition("### To do after the upgrade\n")[2].partition("\n### ")[0]
    return re.findall(r"`thoraq ([^`]+)`", note)


def test_the_changes_name_the_version_that_is_installed() -> None:
    newest = re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    for file, pattern in (
        ("pyproject.toml", r'^version = "(.+)"'),
        ("CITATION.cff", r"^version: (.+)"),
    ):
        [told] = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert told == newest, file


def test_the_upgrade_note_upgrades_a_database_of_the_first_version(
    commands: Commands, database_url: str, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    write_radiographs(archive, len(ENDINGS))
    write_previous(database_url, sorted(archive.iterdir()), shipped_card().version, FIRST)
    assert schema.check(database_url).current == FIRST
    operator = replace(commands, extra={"THORAQ_DATABASE_URL": database_url})
    refused = operator.run("results")
    assert (refused.returncode, "schema-outdated" in refused.stderr) == (Exit.DATABASE, True)

    note = asked_for()
    assert [each for each in note if each.startswith("db upgrade")]
    for command in note:
        done = operator.run(*command.split())
        assert done.returncode == Exit.OK, done.stderr

    assert schema.check(database_url).up_to_date
    [result] = operator.json("results")
    assert result["ict"] == pytest.approx(0.48)
    assert result["tilt_degrees"] is not None
    [status] = operator.json("status")
    assert (status["batch"], status["measured"], status["failed"]) == (BATCH, 1, 1)
    assert (status["set_aside"], status["cancelled"], status["duplicates"]) == (2, 1, 1)
    assert "lack" not in operator.run("status").stderr
