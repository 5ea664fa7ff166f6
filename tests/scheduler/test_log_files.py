"""Log files are rotated while several processes write them, and no line is lost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scheduler.broker import EmbeddedBroker, connect
from scheduler.log_files import OWN_LOG, last_line, open_log, rotate, rotated_logs
from scheduler.rights import private_files
from scheduler.settings import Settings, process_environment

#: Forks like a worker, so that both processes share a file descriptor.
WRITER = """
import os, sys, structlog
from scheduler.logs import configure_logs
configure_logs()
who = sys.argv[1] + ("-child" if os.fork() == 0 else "-parent")
log = structlog.stdlib.get_logger("test")
for number in range(400):
    log.info("line", who=who, number=number, filling="x" * 500)
    if number % 100 == 0:
        sys.stderr.write(f"printed {who} {number}\\n")
if who.endswith("-parent"):
    os.wait()
"""


def names(log: Path) -> list[str]:
    """Return the names of a log and its rotated files, the oldest first."""
    return [each.name for _, each in sorted(rotated_logs(log), reverse=True)] + [log.name]


def test_several_processes_write_a_log_that_is_rotated_and_no_line_is_lost_or_torn(
    tmp_path: Path,
) -> None:
    log = tmp_path / "cpu0.log"
    opened = open_log(log)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number)],
            stderr=opened,
            stdout=opened,
            env=process_environment() | {OWN_LOG: str(log)},
        )
        for number in range(2)
    ]
    os.close(opened)
    rotations = 0
    while any(writer.poll() is None for writer in writers):
        rotations += rotate(log, most_bytes=20_000, files=1000)
        time.sleep(0.002)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert rotations > 3
    lines = [line for name in names(log) for line in (tmp_path / name).read_text().splitlines()]
    told = [json.loads(line) for line in lines if not line.startswith("printed")]
    for who in ("0-parent", "0-child", "1-parent", "1-child"):
        assert sorted(each["number"] for each in told if each["who"] == who) == list(range(400))
    assert sum(line.startswith("printed") for line in lines) == 16
    # Printed lines are in the new file too: no process still writes to an old one.
    assert log.stat().st_size < 100_000


def test_the_number_of_log_files_follows_the_setting(tmp_path: Path) -> None:
    log = tmp_path / "cpu0.log"
    others = [tmp_path / "cpu0.log.x", tmp_path / "cpu00.log.1", tmp_path / "cpu0.log.07"]
    for each in others:
        each.write_text("another's")
    for number in range(6):
        log.write_text(f"{number}" * 10)
        assert rotate(log, most_bytes=9, files=3)
        assert log.read_text() == ""
    assert names(log) == ["cpu0.log.3", "cpu0.log.2", "cpu0.log.1", "cpu0.log"]
    assert (tmp_path / "cpu0.log.1").read_text() == "5" * 10
    log.write_text("x" * 10)
    assert rotate(log, most_bytes=9, files=1)  # with a lower setting
    assert names(log) == ["cpu0.log.1", "cpu0.log"]
    assert not rotate(log, most_bytes=9, files=1)
    assert all(each.read_text() == "another's" for each in others)


@pytest.mark.parametrize(("group", "rights"), [(False, 0o600), (True, 0o640)], ids=["own", "group"])
def test_rotated_logs_and_the_new_one_are_as_private_as_the_state_folder(
    tmp_path: Path, *, group: bool, rights: int
) -> None:
    import grp  # noqa: PLC0415

    name = grp.getgrgid(os.getgid()).gr_name if group else None
    settings = Settings(state=tmp_path / "state", group=name)
    logs = settings.state / "logs"
    with private_files(settings):
        logs.mkdir(parents=True)
        log = logs / "cpu0.log"
        os.close(open_log(log))
        log.write_text("x" * 10)
        assert rotate(log, most_bytes=1, files=2)
    assert {stat.S_IMODE(each.stat().st_mode) for each in logs.glob("cpu0*")} == {rights}


def test_a_link_instead_of_a_log_is_neither_followed_nor_rotated(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept" * 10)
    log = tmp_path / "cpu0.log"
    log.symlink_to(precious)
    assert not rotate(log, most_bytes=1, files=2)
    with pytest.raises(OSError, match="symbolic links"):
        open_log(log)
    log.unlink()
    log.write_text("x" * 10)
    (tmp_path / "cpu0.log.1").symlink_to(precious)
    assert rotate(log, most_bytes=1, files=1)
    assert precious.read_text() == "kept" * 10


def test_without_a_supervisor_lines_go_to_any_stderr(tmp_path: Path) -> None:
    program = WRITER.replace("range(400)", "range(1)")
    ran = subprocess.run(
        [sys.executable, "-c", program, "0"],
        capture_output=True,
        text=True,
        check=True,
        env=process_environment() | {OWN_LOG: str(tmp_path / "cpu0.log")},
    )
    assert ran.stderr.count('"line"') == 2
    assert not (tmp_path / "cpu0.log").exists()


def test_the_last_line_is_found_after_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "cpu0.log"
    assert last_line(log) == "its log is empty"
    log.write_bytes(b"a\n" * 100_000 + b"the \xff last\n\n")
    assert last_line(log) == "the � last"
    assert rotate(log, most_bytes=1, files=2)
    assert last_line(log) == "the � last"


def test_the_embedded_broker_continues_its_log_after_a_rotation(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "state") as broker:
        assert "eady to accept" in broker.log.read_text()
        assert rotate(broker.log, most_bytes=1, files=2)
        with connect(broker.url) as client:
            client.config_set("loglevel", "debug")
            client.bgrewriteaof()
        deadline = time.monotonic() + 10
        while not broker.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "ppend only file" in broker.log.read_text()
