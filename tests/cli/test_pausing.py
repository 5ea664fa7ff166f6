"""Pause and resume, and the audit log."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path

import pytest

from cli.exits import Exit
from testbed.commands import Commands
from testbed.radiographs import write_radiographs


@pytest.fixture
def queued(commands: Commands, tmp_path: Path) -> Commands:
    """Return a state folder with a batch `b` of three waiting files."""
    write_radiographs(tmp_path / "inbox", 3)
    assert commands.run("submit", tmp_path / "inbox", "--batch", "b").returncode == Exit.OK
    return commands


def test_a_paused_batch_is_shown_as_paused_until_resumed(queued: Commands, tmp_path: Path) -> None:
    assert queued.run("pause", "b").stdout == "3 paused, 0 held by workers\n"

    assert "`thoraq resume b`" in queued.run("status", "b").stderr
    assert queued.json("status")[0]["paused"] is True
    assert queued.json("status", "b")["paused_at"] is not None
    write_radiographs(tmp_path / "inbox", 1, seed=5)
    assert "paused since" in queued.run("submit", tmp_path / "inbox", "--batch", "b").stderr
    refused = queued.run("process", tmp_path / "inbox", "--batch", "b")
    assert (refused.returncode, "batch-paused" in refused.stderr) == (Exit.USAGE, True)

    assert queued.run("resume", "b").stdout == "4 resumed\n"
    assert "paused" not in queued.run("status", "b").stderr
    assert queued.json("status", "b")["paused_at"] is None


def test_a_paused_queue_is_shown_as_paused(queued: Commands) -> None:
    assert queued.run("pause", "--queue", "routine").stdout.startswith("3 paused")
    assert "the routine queue is paused" in queued.run("status", "b").stderr
    assert "thoraq resume --queue routine" in queued.run("status").stderr
    assert queued.run("resume", "--queue", "routine").stdout == "3 resumed\n"
    assert "paused" not in queued.run("status").stderr


def test_resuming_without_a_pause_is_reported(queued: Commands) -> None:
    assert queued.run("resume", "b").stdout == "b was not paused\n"
    told = queued.run("resume", "--queue", "urgent").stdout
    assert told == "the urgent queue was not paused\n"
    queued.run("pause", "--queue", "urgent")
    told = queued.run("resume", "--queue", "urgent").stdout
    assert told == "no longer paused; nothing is waiting\n"


def test_pause_and_resume_refuse_invalid_subjects(queued: Commands) -> None:
    assert queued.run("pause").returncode == Exit.USAGE
    assert queued.run("resume", "b", "--queue", "urgent").returncode == Exit.USAGE
    assert queued.run("pause", "nowhere").returncode == Exit.NOT_FOUND


def test_the_audit_log_shows_who_requested_what(queued: Commands) -> None:
    queued.run("cancel", "b")
    queued.run("retry", "--code", "file-unavailable")
    rows = queued.json("audit")
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("retry", "everything"),
        ("cancel", "b"),
        ("submit", "b"),
    ]
    assert {row["who"] for row in rows} == {f"{getpass.getuser()}@{socket.gethostname()}"}
    assert rows[1]["what"] == "cancelled 3"
    assert rows[0]["what"] == "codes file-unavailable"
    assert len(queued.json("audit", "--since", "2999-01-01")) == 0
