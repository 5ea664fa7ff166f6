"""With a closed pipe, as in `| head -1`, commands end quietly with the exit code of SIGPIPE."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit
from testbed.commands import PATIENCE_SECONDS, Commands

LINES = [
    "--help",
    "--version",
    "results --help",
    "db --help",
    "status",
    "status --json",
    "status --csv",
    "status b",
    "status b --follow",
    "results --json",
    "failures",
    "failures --json",
    "failures b --csv",
    "export --dictionary",
    "report b",
    "report b --out report.html --overwrite",
    "audit",
    "audit --json",
    "audit --csv",
    "models list",
    "models list --json",
    "train status --json",
    "retry b",
    "doctor --here",
    "doctor --here --json",
    "db check",
    "db upgrade",
    "submit films",
    "process films --batch b",
    "process films --batch b --json",
    "watch films --once",
    "watch films",
    "export --out /dev/stdout --format csv",
    "export --out /dev/stdout --format json",
    "export --out /dev/fd/1 --format csv",
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Return a state folder with a batch that has a failure."""
    folder = tmp_path_factory.mktemp("piped")
    (folder / "films").mkdir()
    (folder / "films" / "a.png").write_bytes(b"none")
    commands = Commands(folder / "state")
    assert commands.run("submit", folder / "films", "--batch", "b").returncode == Exit.OK
    return commands


def run_unread(commands: Commands, *words: str | Path, both: bool = False) -> tuple[int, str]:
    """Run a command whose standard output is a closed pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "cli", *map(str, words)],
            env=commands.environment,
            cwd=commands.state.parent,
            stdout=writing,
            stderr=writing if both else subprocess.PIPE,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    return ran.returncode, ran.stderr or ""


@pytest.mark.parametrize("line", LINES)
def test_a_command_with_a_closed_pipe_ends_quietly(filled: Commands, line: str) -> None:
    ended, told = run_unread(filled, *line.split())
    assert ended == Exit.PIPE_CLOSED == 141
    assert "Traceback" not in told
    assert "Broken pipe" not in told
    assert "Exception ignored" not in told


@pytest.mark.parametrize("line", ["status --no-such-option", "status nobody", "no-such-command"])
def test_an_error_with_a_closed_pipe_ends_quietly(filled: Commands, line: str) -> None:
    assert run_unread(filled, *line.split(), both=True)[0] == Exit.PIPE_CLOSED


def test_an_export_to_standard_output_has_no_other_output(filled: Commands) -> None:
    ran = filled.run("export", "--out", "/dev/stdout", "--format", "json")
    assert (ran.returncode, ran.stdout) == (Exit.OK, "[]\n"), ran.stderr
    assert "0 measurements in /dev/stdout" in ran.stderr
    assert Path("/dev/stdout").is_symlink()
    ran = filled.run("export", "--out", "/dev/stdout", "--format", "parquet")
    assert (ran.returncode, ran.stdout) == (Exit.USAGE, "")
    assert "--format csv, json or fhir" in ran.stderr


def test_a_broken_connection_is_not_taken_for_a_closed_pipe(filled: Commands) -> None:
    script = """
from cli.output.closed_pipe import ending_quietly
try:
    with ending_quietly():
        raise BrokenPipeError
except BrokenPipeError:
    print("as it was")
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=filled.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "as it was\n"
