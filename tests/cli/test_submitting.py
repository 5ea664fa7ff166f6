"""Queueing without workers: submit, cancel, retry, watch."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from cli.exits import Exit
from scheduler.names import batch_name
from testbed.commands import PATIENCE_SECONDS, Commands
from tests.cli.processed import Processed


@pytest.fixture
def inbox(processed: Processed, tmp_path: Path) -> Path:
    """Return a folder of five valid radiographs and one copy."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    sound = sorted(row["path"] for row in processed.commands.json("results", "--limit", "5"))
    for number, path in enumerate(sound):
        shutil.copy(path, folder / f"{number}{Path(path).suffix}")
    shutil.copy(sound[0], folder / f"copy{Path(sound[0]).suffix}")
    return folder


def test_submitting_twice_queues_each_content_once(commands: Commands, inbox: Path) -> None:
    first = commands.run("submit", inbox, "--batch", "b")
    assert "6 seen = 5 queued + 0 known + 1 duplicates + 0 refused" in first.stdout, first.stderr
    second = commands.run("submit", inbox, "--batch", "b")
    assert "6 seen = 0 queued + 6 known + 0 duplicates + 0 refused" in second.stdout
    ledger = commands.json("status", "b")
    assert (ledger["seen"], ledger["queued"], ledger["duplicates"]) == (6, 5, 1)
    assert ledger["balanced"] is True


def test_retry_requeues_cancelled_files(commands: Commands, inbox: Path) -> None:
    commands.run("submit", inbox, "--batch", "b", "--priority", "urgent")
    assert commands.run("cancel", "b").stdout.startswith("5 cancelled")
    assert commands.json("status", "b")["cancelled"] == 5
    assert commands.run("retry", "--batch", "b").stdout.startswith("5 requeued")
    commands.run("cancel", "b")
    assert commands.run("retry", "b").stdout.startswith("5 requeued")
    assert commands.run("retry", "b", "--batch", "b").returncode == Exit.USAGE
    ledger = commands.json("status", "b")
    assert (ledger["queued"], ledger["cancelled"], ledger["priority"]) == (5, 0, "urgent")


def test_cancelling_keeps_files_of_another_batch(commands: Commands, inbox: Path) -> None:
    commands.run("submit", inbox, "--batch", "a")
    commands.run("submit", inbox, "--batch", "b")
    ran = commands.run("cancel", "a")
    assert ran.stdout == "0 cancelled, 0 held by workers, 5 left to other batches\n"
    assert commands.json("status", "b")["queued"] == 5
    assert commands.run("cancel", "b").stdout == "5 cancelled, 0 held by workers\n"


def test_an_unknown_code_is_refused(commands: Commands, inbox: Path) -> None:
    commands.run("submit", inbox, "--batch", "b")
    ran = commands.run("retry", "b", "--code", "file-unavailible")
    assert ran.returncode == Exit.USAGE
    assert "file-unavailible" in ran.stderr
    assert commands.run("retry", "b", "--code", "file-unavailable").stdout == "0 requeued\n"


def test_status_reports_an_unresponsive_broker(commands: Commands, inbox: Path) -> None:
    commands.run("submit", inbox, "--batch", "b")
    ran = commands.run("status", "b")
    assert "6 seen = 0 measured + 0 set aside + 0 failed + 1 duplicates + 5 waiting" in ran.stdout
    assert "no broker answers" in ran.stderr


def test_a_watch_that_starts_again_takes_nothing_twice(commands: Commands, inbox: Path) -> None:
    quick = Commands(commands.state, {"THORAQ_WATCH_SECONDS": "0.2"})
    quick.run("watch", inbox, "--once", "--batch", "w")
    assert quick.json("status", "w")["seen"] == 6
    (inbox / "half.dcm.part").write_bytes(b"DICM")
    quick.run("watch", inbox, "--once", "--batch", "w")
    ledger = quick.json("status", "w")
    assert (ledger["seen"], ledger["queued"]) == (6, 5)


def test_a_watch_takes_what_arrives_until_it_is_interrupted(
    commands: Commands, inbox: Path, tmp_path: Path
) -> None:
    quick = Commands(commands.state, {"THORAQ_WATCH_SECONDS": "0.2"})
    arriving = tmp_path / "arriving"
    arriving.mkdir()
    watching = quick.start("watch", arriving, "--batch", "w")
    for path in inbox.iterdir():
        shutil.copy(path, arriving)
    taken = ""
    assert watching.stdout is not None
    while not taken.startswith("6 taken in") and watching.poll() is None:
        taken = watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=PATIENCE_SECONDS)
    assert watching.returncode == 0, said
    assert quick.json("status", "w")["seen"] == 6


def test_the_name_of_a_batch_is_stable_and_differs_between_folders(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "other").mkdir()
    here, there = tmp_path / "a b", tmp_path / "other" / ".." / "a b"
    assert batch_name([here]) == batch_name([there])
    assert batch_name([here]).startswith("a-b-")
    assert batch_name([here]) != batch_name([tmp_path / "other"])
    assert batch_name([here, tmp_path]) == batch_name([tmp_path, here])
