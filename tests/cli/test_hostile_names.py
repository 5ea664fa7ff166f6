"""No command writes terminal control sequences of others to a terminal, a pipe or a log."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from db.records import IntakeCount
from testbed.checkout import ROOT
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.processes import ending_with_us
from tests.cli.hostile import NAME, Hostile, make_hostile
from tests.docs.generated import every_command

#: Allowed sequences: our own styles and those of the progress bar of rich.
OURS = re.compile(
    r"\x1b\[(?:0|1|2|3[1-7]|39|22|49|0;3[1-7]|1;3[1-7]|38;5;\d+)m|\r?\x1b\[2K|\r?\x1b\[1A|\x1b\[\?25[lh]"
)
RAN = re.compile(r"^== (.*)$", re.MULTILINE)


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return make_hostile(tmp_path)


@pytest.fixture
def commands(hostile: Hostile) -> Commands:
    return Commands(hostile.state, {"THORAQ_SETTLE_SECONDS": "0", "COLUMNS": "200"})


def lines_of(hostile: Hostile, out: Path) -> dict[tuple[str, ...], list[list[str]]]:
    """Return the arguments of each command, one entry per run."""
    archive, films, gone = map(str, (hostile.archive, hostile.films, out / NAME))
    file, again, waiting = hostile.files[0], f"{NAME} again", f"{NAME} waiting"
    failed, at_work, second = f"{NAME} failed", f"{NAME} at work", f"{NAME}2"
    every_form: list[list[str]] = [[], ["--csv"], ["--json"]]
    not_a_folder = ["--state", file]
    return {
        ("process",): [[archive, "--batch", NAME], [gone]],
        ("submit",): [[archive, "--batch", NAME, "--model", NAME], [archive, "--model", gone]],
        ("watch",): [[archive, "--once", "--batch", NAME], [gone]],
        ("remeasure",): [
            ["--model", second, "--batch", NAME, "--into", f"{NAME} into"],
            ["--model", second, "--into", NAME, "--batch", NAME],
            ["--model", gone],
        ],
        ("recompute",): [["--dry-run"], ["--batch", NAME, "--json"], ["--batch", gone]],
        ("status",): [*every_form, [NAME], [NAME, "--csv"], [again, "--follow"], [gone]],
        ("results",): [
            *every_form,
            ["--where", f"path={file}"],
            *(["--where", each] for each in (NAME, f"{NAME}=1", f"view={NAME}", f"frames={NAME}")),
            *([option, NAME] for option in ("--since", "--study-from", "--bucket", "--limit")),
        ],
        ("failures",): [
            *every_form,
            [NAME, "--path", NAME],
            ["--path", file, "--csv"],
            *([option, NAME] for option in ("--code", "--since", "--limit")),
            [gone],
        ],
        ("report",): [
            [NAME],
            [NAME, "--out", gone],
            [again, "--report", gone],
            [gone],
            [NAME, "--report", file],
        ],
        ("show",): [[file], [file, "--json"], [hostile.files[-1], "--out", gone], [gone]],
        ("sheet",): [
            ["--out", f"{gone}.png"],
            ["--out", gone],
            ["--batch", gone, "--out", "a.png"],
        ],
        ("export",): [["--out", f"{gone}.csv"], ["--out", gone], ["--format", NAME]],
        ("train",): [[NAME]],
        ("train", "submit"): [
            ["--data", gone],
            ["--data", films, "--name", NAME],
            ["--data", films, "--run", file],
            ["--data", films, "--phases", NAME],
        ],
        ("train", "status"): [*every_form, [at_work], [failed, "--follow"], [gone]],
        ("train", "cancel"): [[waiting], [at_work], [failed]],
        ("train", "resume"): [[waiting], [at_work]],
        ("train", "compare"): [[failed, at_work, *form] for form in every_form],
        ("train", "log"): [*([failed, *form] for form in every_form), [waiting]],
        ("dataset",): [[NAME]],
        ("dataset", "check"): [["--data", films, *form] for form in every_form],
        ("dataset", "explore"): [["--data", gone]],
        ("retry",): [[NAME], [gone], ["--code", NAME]],
        ("cancel",): [[f"{NAME} into"], [gone]],
        ("pause",): [[NAME], [gone], ["--queue", NAME]],
        ("resume",): [[NAME], [gone]],
        ("up",): [not_a_folder],
        ("listen",): [not_a_folder],
        ("scheduler",): [not_a_folder],
        ("worker",): [not_a_folder, ["--queues", NAME]],
        ("flower",): [["--address", NAME], ["--port", NAME]],
        ("forget",): [
            ["--batch", f"{NAME} into", "--dry-run"],
            ["--batch", NAME, "--dry-run", "--json"],
            ["--patient", NAME, "--yes"],
            ["--batch", gone],
            ["--before", NAME],
        ],
        ("logs",): [[NAME], [NAME, "--json"], ["--process", NAME], not_a_folder],
        ("audit",): every_form,
        ("doctor",): [not_a_folder],
        ("health",): [not_a_folder, [NAME]],
        ("bench",): [[gone], ["--count", NAME]],
        ("db",): [[NAME]],
        ("db", "upgrade"): [[]],
        ("db", "check"): [[]],
        ("db", "backup"): [[f"{gone}.copy"], [f"{gone}.copy"], [f"{archive}/{NAME}/copy"]],
        ("db", "restore"): [[file], [file, "--replace"]],
        ("models",): [[NAME]],
        ("models", "list"): every_form,
        ("models", "promote"): [[NAME], [gone]],
        ("models", "register"): [[archive], [file], [gone]],
        ("models", "compare"): [[NAME, second, *form] for form in every_form],
        ("evaluate",): [["--data", gone, NAME]],
    }


def in_turn(script: Path) -> list[str]:
    return [sys.executable, "-m", "tests.cli.in_turn", str(script)]


def piped(commands: Commands, script: Path) -> bytes:
    """Run the commands with pipes for standard output and error."""
    ran = subprocess.run(
        in_turn(script),
        cwd=ROOT,
        env=commands.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return ran.stdout


def at_a_terminal(commands: Commands, script: Path) -> bytes:
    """Run the commands in a raw terminal."""
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    with subprocess.Popen(
        in_turn(script),
        cwd=ROOT,
        env=commands.environment | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=ending_with_us(signal.SIGTERM),  # noqa: PLW1509 - see there
    ):
        os.close(theirs)
        said = b""
        while True:
            try:
                more = os.read(ours, 1 << 16)
            except OSError:  # EIO: the last process has closed it
                break
            said += more
    os.close(ours)
    return said


def steering(text: str) -> list[str]:
    """Return control sequences in a text, with their context."""
    return [
        text[max(0, at - 60) : at + 20]
        for at, char in enumerate(text)
        if not char.isprintable() and char not in "\n\t"
    ]


@pytest.mark.parametrize("run", [piped, at_a_terminal])
def test_no_command_prints_foreign_control_sequences(
    hostile: Hostile, commands: Commands, run: Callable[[Commands, Path], bytes], tmp_path: Path
) -> None:
    every = lines_of(hostile, tmp_path)
    assert set(every) == set(every_command()), "say how each command is run with hostile names"
    if run is at_a_terminal:
        del every["evaluate",]  # ten seconds to load torch, for one message
    lines = [[*words, *more] for words, each in every.items() for more in each]
    script = tmp_path / "lines.json"
    script.write_text(json.dumps(lines), encoding="ascii")

    said = run(commands, script).decode("utf-8")  # strict: rejects a lone C1 byte

    assert len(RAN.findall(said)) == 2 * len(lines)
    assert "Traceback" not in said
    assert steering(OURS.sub("", said) if run is at_a_terminal else said) == []
    # Every name was printed, with its brackets.
    assert said.count("[red][link=a:b]y[bold]") > 2 * len(lines)
    assert ("\x1b[1m" in said) == (run is at_a_terminal)


def test_an_unexpected_error_is_printed_without_control_characters(tmp_path: Path) -> None:
    script = """
import threading
from cli.main import thoraq
from db.database import Database

def fail(*_):
    raise OverflowError("\\x1b]0;t\\x07") from ValueError("\\x9b2J\\u202e")

def fail_twice(*_):
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    fail()

Database.open = fail_twice
thoraq(["status"], prog_name="thoraq")
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=Commands(tmp_path).environment,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 1
    said = ran.stderr.decode("utf-8")
    assert said.count("Traceback") == 2
    assert steering(said) == []


def test_json_and_files_have_raw_names_and_printed_csv_escaped_ones(
    hostile: Hostile, commands: Commands, tmp_path: Path
) -> None:
    found = commands.json("results")
    paths = {row["path"] for row in found}
    assert hostile.taken == IntakeCount(seen=4, queued=4)
    assert paths < set(hostile.files)
    assert {row["worker"] for row in found} == {NAME}
    for name in ("all.csv", "all.json", "all.parquet"):
        ran = commands.run("export", "--out", tmp_path / name)
        assert ran.returncode == 0, ran.stderr
    assert {row["path"] for row in json.loads((tmp_path / "all.json").read_text())} == paths
    written = (tmp_path / "all.csv").read_bytes()
    assert all(os.fsencode(path).replace(b'"', b'""') in written for path in paths)
    assert set(pq.read_table(tmp_path / "all.parquet")["worker"].to_pylist()) == {NAME}
    printed = commands.run("results", "--csv")
    shown = {row["path"] for row in csv.DictReader(io.StringIO(printed.stdout))}
    assert len(shown) == len(paths)
    assert all("\x1b" not in path for path in shown)
    path = min(paths, key=lambda each: each.isascii())
    [one, *_] = commands.json("results", "--where", f"path={path}")
    [file] = {row["path"] for row in commands.json("show", path)["files"]}
    assert one["path"] == file == path
