"""`thoraq logs` reads the logs of this machine's processes, with rotated files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exits import Exit
from scheduler.log_files import rotate
from scheduler.preparation import prepare
from scheduler.settings import Settings
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.records import seen, submit
from tests.cli.json_keys import unknown_keys

Start = Callable[..., subprocess.Popen[str]]


def line(second: float, event: str, **keys: object) -> str:
    said = {"timestamp": f"2026-03-01T02:00:{second:09.6f}Z", "level": "info", "event": event}
    return json.dumps({**said, **keys}) + "\n"


@pytest.fixture
def logs(commands: Commands) -> Path:
    """Return a folder with logs of two workers and a broker."""
    folder = commands.state / "logs"
    folder.mkdir(parents=True)
    (folder / "cpu0.log.2").write_text(line(1, "first", batch="night", chunk=1))
    (folder / "cpu0.log.1").write_text(
        line(3, "third", batch="night", chunk=2, level="warning", code="x y")
        + '{"timestamp": "2026-03-01T02:0'  # a full disk
    )
    (folder / "cpu0.log").write_bytes(
        line(5, "fifth", batch="other", chunk=3).encode()
        + b"Traceback (most recent call last):\n  \x1b[2J\xff\n"
        + line(9, "last", batch="night", chunk=4).encode()
        + b'{"timestamp": "half'
    )
    (folder / "cpu1.log").write_text(
        line(2, "second", batch="night", chunk=5) + line(4, "fourth", batch="\x1b[2J", chunk=6)
    )
    (folder / "broker.log").write_text("77:M 01 Mar 2026 02:00:06.500 # Out of memory\n")
    (folder / "secret").write_text("no log")
    commands.extra["TZ"] = "UTC"
    return folder


def test_lines_of_all_processes_are_sorted_by_time(commands: Commands, logs: Path) -> None:
    ran = commands.run("logs", "--json")
    assert ran.returncode == Exit.OK, ran.stderr
    said = [json.loads(each) for each in ran.stdout.splitlines()]
    assert [each["event"] for each in said if each["event"][0].islower()] == (
        ["first", "second", "third", "fourth", "fifth", "last"]
    )
    [broker] = [each for each in said if each["process"] == "broker"]
    assert (broker["timestamp"][:22], broker["level"]) == ("2026-03-01T02:00:06.50", "warning")
    assert all({"timestamp", "level", "event", "process"} <= set(each) for each in said)
    assert unknown_keys(dict.fromkeys(set.intersection(*map(set, said)))) == set()
    # Incomplete lines and lines that are not JSON are shown in their position.
    events = [each["event"] for each in said]
    assert events.index("fifth") < events.index("Traceback (most recent call last):")
    assert events.index("Traceback (most recent call last):") < events.index("Out of memory")
    assert sum(each.startswith('{"timestamp"') for each in events) == 2
    assert f"logs of this machine only, from {logs}" in ran.stderr


@pytest.mark.parametrize(
    ("words", "events"),
    [
        (["night"], ["first", "second", "third", "last"]),
        (["night", "--level", "warning"], ["third"]),
        (["night", "--since", "2026-03-01T02:00:02+00:00"], ["second", "third", "last"]),
        (["--process", "cpu1"], ["second", "fourth"]),
        (["\x1b[2J"], ["fourth"]),
        (["nigh"], []),
    ],
    ids=["batch", "level", "since", "process", "hostile", "unknown"],
)
def test_lines_are_filtered_by_batch_level_time_and_process(
    commands: Commands, logs: Path, words: list[str], events: list[str]
) -> None:
    assert logs.is_dir()
    ran = commands.run("logs", *words)
    assert ran.returncode == Exit.OK, ran.stderr
    assert [each.split()[4] for each in ran.stdout.splitlines()] == events
    assert ("No matching log lines." in ran.stderr) == (not events)


def test_a_line_has_keys_and_values_without_control_sequences(
    commands: Commands, logs: Path
) -> None:
    assert logs.is_dir()
    printed = commands.run("logs").stdout
    third = '2026-03-01 02:00:03.000Z  cpu0      warning  third  batch=night chunk=2 code="x y"'
    assert third in printed
    assert "\x1b" not in printed
    assert r"batch=\x1b[2J chunk=6" in printed


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
def test_since_accepts_printed_times(commands: Commands, logs: Path, zone: str) -> None:
    assert logs.is_dir()
    commands.extra["TZ"] = zone
    whole = commands.run("logs", "night").stdout.splitlines()
    at = whole[2].split("  ")[0]
    assert at == "2026-03-01 02:00:03.000Z"
    assert commands.run("logs", "night", "--since", at).stdout.splitlines() == whole[2:]


def test_a_batch_absent_from_logs_and_database_is_not_found(commands: Commands, logs: Path) -> None:
    assert logs.is_dir()
    database = prepare(Settings(state=commands.state))
    submit(database, [seen(1)], name="quiet")
    database.dispose()
    for words in (["nobatch"], ["nobatch", "--follow"], ["nobatch", "--json"]):
        ran = commands.run("logs", *words)
        assert (ran.returncode, ran.stdout) == (Exit.NOT_FOUND, ""), words
        assert "error [batch-unknown]" in ran.stderr
    # A batch logged elsewhere, a forgotten one, and lines of another level.
    for words in (["quiet"], ["night"], ["night", "--level", "critical"]):
        assert commands.run("logs", *words).returncode == Exit.OK, words
    (commands.state / "thoraq.db").write_bytes(b"no database" * 100)
    ran = commands.run("logs", "nobatch")
    assert (ran.returncode, "No matching log lines." in ran.stderr) == (Exit.OK, True)


def test_a_process_without_a_log_is_refused_with_the_available_ones(
    commands: Commands, logs: Path, start: Start
) -> None:
    ran = commands.run("logs", "--process", "nope", "--process", "cpu1")
    assert (ran.returncode, ran.stdout) == (Exit.USAGE, "")
    assert "no logs of nope here; there are logs of broker, cpu0, cpu1" in ran.stderr
    following = start("logs", "--process", "gpu0", "--follow")  # a process that starts later
    assert following.stderr is not None
    assert "no logs of gpu0 here" in following.stderr.readline()
    (logs / "gpu0.log").write_text(line(22, "new"))
    assert following.stdout is not None
    assert "new" in following.stdout.readline()
    following.send_signal(2)
    following.communicate(timeout=PATIENCE_SECONDS)


def test_a_machine_without_logs_names_the_alternatives(commands: Commands) -> None:
    ran = commands.run("logs", "night")
    assert (ran.returncode, ran.stdout) == (Exit.OK, "")
    assert "No matching log lines." in ran.stderr
    assert "of this machine only" in ran.stderr
    helped = commands.run("logs", "--help").stdout
    assert "journalctl" in helped
    assert "docker compose logs" in " ".join(helped.split())


def test_new_complete_lines_are_shown_across_a_rotation(logs: Path, start: Start) -> None:
    following = start("logs", "night", "--follow", "--json")
    assert following.stdout is not None
    seen = [json.loads(following.stdout.readline())["event"] for _ in range(4)]
    assert seen == ["first", "second", "third", "last"]
    log = logs / "cpu1.log"
    with log.open("a") as file:
        file.write(line(20, "added", batch="night")[:30])
        file.flush()
        assert rotate(log, most_bytes=1, files=2)
        file.write(line(20, "added", batch="night")[30:])
    log.write_text(line(21, "after", batch="night"))
    (logs / "gpu0.log").write_text(line(22, "new", batch="night"))
    seen = [json.loads(following.stdout.readline())["event"] for _ in range(3)]
    assert seen == ["added", "after", "new"]
    following.send_signal(2)
    following.communicate(timeout=PATIENCE_SECONDS)
    assert following.returncode == Exit.INTERRUPTED


def test_hundreds_of_megabytes_are_read_line_by_line(commands: Commands) -> None:
    folder = commands.state / "logs"
    folder.mkdir(parents=True)
    (folder / "cpu0.log").write_text(line(1, "small", batch="night"))
    with (folder / "cpu0.log.1").open("wb") as file:
        file.truncate(300 << 20)  # a line without an end, as after lost disk blocks

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    ran = subprocess.run(
        [sys.executable, "-m", "cli", "logs", "night"],
        env=commands.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
        preexec_fn=limit,
    )
    assert ran.stdout.count("\n") == 1
    assert os.fspath(folder) in ran.stderr
