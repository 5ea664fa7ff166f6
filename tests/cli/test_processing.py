"""`thoraq process`, from an empty state to a report."""

from __future__ import annotations

import csv
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
from PIL import Image

from cli.exits import Exit
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.radiographs import write_radiographs
from tests.cli.processed import Processed

Start = Callable[..., subprocess.Popen[str]]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def report(processed: Processed, name: str) -> Path:
    [found] = (processed.commands.state / "reports").glob(f"archive-*/{name}")
    return found


def processes_of(state: Path) -> list[psutil.Process]:
    """Return the processes of a state folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("THORAQ_STATE") == str(state):
                found.append(process)
        except psutil.Error:
            continue
    return [each for each in found if each.pid != os.getpid()]


def is_measuring(state: Path) -> bool:
    """Return whether a state folder, which may not exist yet, has measurements."""
    try:
        with closing(sqlite3.connect(f"{(state / 'thoraq.db').as_uri()}?mode=ro", uri=True)) as db:
            return db.execute("SELECT 1 FROM measurement LIMIT 1").fetchone() is not None
    except sqlite3.OperationalError:  # no such file, no such table
        return False


def test_every_file_has_its_expected_outcome(processed: Processed) -> None:
    truth = {row["path"]: row for row in rows(processed.truth)}
    archive = processed.archive.resolve()
    measured = {
        str(Path(r["path"]).relative_to(archive)) for r in rows(report(processed, "results.csv"))
    }
    ended = {
        str(Path(row["path"]).relative_to(archive)): row
        for row in rows(report(processed, "failures.csv"))
    }
    got = {
        path: ("measured", "") if path in measured else (ended[path]["state"], ended[path]["code"])
        for path in truth
        if truth[path]["ending"] != "duplicate" and not is_copied(path, truth)
    }
    assert got == {path: (truth[path]["ending"], truth[path]["code"]) for path in got}
    assert len(measured) + len(ended) == len(truth)
    assert Counter(row["state"] for row in ended.values())["duplicate"] == 5


def is_copied(path: str, truth: dict[str, dict[str, str]]) -> bool:
    """Return whether a file has a copy: which of the two is the duplicate depends on the order."""
    return any(row.get("duplicate_of") == path for row in truth.values())


def test_the_summary_shows_the_ledger_and_the_paths(processed: Processed) -> None:
    found = re.search(
        r"(\d+) seen = (\d+) measured \+ (\d+) set aside \+ (\d+) failed \+ (\d+) duplicates",
        processed.printed,
    )
    assert found, processed.printed
    seen, *ended = map(int, found.groups())
    assert seen == sum(ended) == 40
    for name in ("thoraq.db", "results.csv", "failures.csv", "sheet.png"):
        assert name in processed.printed


def test_the_sheet_is_a_picture(processed: Processed) -> None:
    with Image.open(report(processed, "sheet.png")) as sheet:
        sheet.load()
        assert min(sheet.size) >= 500


def test_a_second_run_measures_nothing_and_reports_it(processed: Processed) -> None:
    before = processed.commands.json("results")
    again = processed.world.run("thoraq process /srv/archive")
    assert "All 40 files were already known; nothing was measured twice." in again
    assert processed.commands.json("results") == before


def test_after_ctrl_c_the_same_command_continues(tmp_path: Path) -> None:
    # Many files in small chunks, so that some are stored before others begin.
    archive = tmp_path / "archive"
    write_radiographs(archive, 240)
    commands = Commands(tmp_path / "state", {"THORAQ_CHUNK_SIZE": "2"})
    words = ("process", archive, "--batch", "b", "--device", "cpu")
    running = commands.start(*words)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_measuring(commands.state):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == Exit.INTERRUPTED, said
    assert "run the same command again to continue" in said
    assert processes_of(commands.state) == []

    before = {row["radiograph"]: row for row in commands.json("results")}
    assert commands.json("status", "b")["queued"] > 0, "the batch had ended: interrupt earlier"
    ran = commands.run(*words)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"This run: \d+ measured, .* had already ended; nothing was", ran.stdout)
    after = commands.json("results")
    assert len({row["radiograph"] for row in after}) == len(after)
    assert {row["radiograph"]: row for row in after if row["radiograph"] in before} == before
    ledger = commands.json("status", "b")
    assert (ledger["seen"], ledger["queued"], ledger["running"]) == (240, 0, 0)
    assert ledger["measured"] == len(after) == 240
