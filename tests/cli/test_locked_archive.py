"""A folder and a file that are not readable at first, with the commands of an operator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.radiographs import write_radiographs
from testbed.rights import BOUND_COMMAND


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Path]:
    """Yield two radiographs, and four that are not readable."""
    made = tmp_path / "archive"
    write_radiographs(made, 3)
    write_radiographs(made / "study", 2, seed=1)
    write_radiographs(made / "study" / "series", 1, seed=2)
    made.joinpath("0-0000.png").chmod(0o000)
    made.joinpath("study").chmod(0o000)
    yield made
    unlock(made)


def unlock(archive: Path) -> None:
    archive.joinpath("0-0000.png").chmod(0o600)
    archive.joinpath("study").chmod(0o700)


def run(commands: Commands, *words: str | Path) -> str:
    """Run a command without CAP_DAC_OVERRIDE; return its output."""
    ran = subprocess.run(
        [*BOUND_COMMAND, sys.executable, "-m", "cli", *map(str, words)],
        env=commands.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == Exit.OK, ran.stderr
    return ran.stdout


def ledger(commands: Commands) -> dict[str, Any]:
    """Return the ledger of the batch once it adds up and agrees with the failures."""
    found: dict[str, Any] = json.loads(run(commands, "status", "night", "--json"))
    kinds = ("measured", "set_aside", "failed", "duplicates", "cancelled", "waiting", "running")
    assert found["seen"] == sum(found[kind] for kind in kinds)
    failures = json.loads(run(commands, "failures", "night", "--json"))
    assert len(failures) == found["failed"] + found["set_aside"]
    return found


@pytest.mark.slow
def test_process_measures_unreadable_files_once_readable(archive: Path, tmp_path: Path) -> None:
    commands = Commands(tmp_path / "state")
    words = ("process", archive, "--batch", "night")
    assert "This run: 2 measured, 0 set aside, 2 failed" in run(commands, *words)
    assert (ledger(commands)["seen"], ledger(commands)["failed"]) == (4, 2)
    assert "All 4 files were already known" in run(commands, *words)
    unlock(archive)
    said = run(commands, *words)
    assert "This run: 4 measured, 0 set aside, 0 failed; 2 had already ended" in said
    assert "-" not in said.partition("This run")[2].partition(";")[0]
    found = ledger(commands)
    assert (found["seen"], found["measured"], found["failed"]) == (6, 6, 0)


def test_submit_and_a_watch_that_looks_once_take_each_file_once(
    archive: Path, tmp_path: Path
) -> None:
    commands = Commands(tmp_path / "state", {"THORAQ_SETTLE_SECONDS": "0"})
    said = run(commands, "submit", archive, "--batch", "night")
    assert "4 seen = 2 queued + 0 known + 0 duplicates + 2 refused" in said
    run(commands, "watch", archive, "--once", "--batch", "night")
    assert (ledger(commands)["seen"], ledger(commands)["failed"]) == (4, 2)
    unlock(archive)
    run(commands, "watch", archive, "--once", "--batch", "night")
    run(commands, "submit", archive, "--batch", "night")
    found = ledger(commands)
    assert (found["seen"], found["waiting"], found["failed"]) == (6, 6, 0)
