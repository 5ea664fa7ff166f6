"""Absent processes are reported, with the command that starts them."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner
from redis import Redis

from cli.commands.doctor import print_check
from cli.exits import Exit
from db import migration
from scheduler.absences import Absence, Part, find_absences
from scheduler.broker_keys import PRESENT, mend_keys
from scheduler.checkup.broker import check_broker
from scheduler.checkup.check import Check
from scheduler.checkup.processes import check_processes
from scheduler.presence import SILENT_SECONDS
from scheduler.settings import Settings
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from testbed.servers.redis import RedisServer
from tests.cli.forked import run_forked
from tests.cli.other_user import OTHER, as_root, call_as, open_folder

NO_SCHEDULER = "no scheduler has answered yet, so nothing is sent to workers or brought back"
NO_WORKER = "no worker has answered yet, so nothing is measured"


class Site:
    """A broker, a database and an archive of two radiographs; no process of thoraq runs."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.inbox = folder / "inbox"
        write_radiographs(self.inbox, 2)
        quick = {"THORAQ_UPKEEP_SECONDS": "0.5", "THORAQ_WATCH_SECONDS": "0.2"}
        self.commands = Commands(folder / "state", {"THORAQ_BROKER_URL": broker_url, **quick})
        self.url = broker_url
        self.settings = Settings(state=folder / "state", broker_url=broker_url)

    def parts(self) -> list[Part]:
        """Return the absent processes."""
        return [each.part for each in find_absences(self.settings) or ()]

    def absence(self, part: Part) -> Absence:
        """Return the absence of one part."""
        [found] = [each for each in find_absences(self.settings) or () if each.part is part]
        return found

    def checks(self) -> list[Check]:
        """Return the doctor's checks of processes."""
        return list(check_processes(self.settings))

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command and wait for it."""
        return run_forked([*map(str, words)], self.commands.environment)

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command until the end of the block."""
        process = self.commands.start(*words)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def site(redis_url: str, tmp_path: Path) -> Site:
    return Site(tmp_path, redis_url)


def since_of(ran: str) -> datetime:
    """Return the time in a sentence."""
    said = ran.partition("has answered since ")[2][: len("2026-01-01 00:00+00:00")]
    return datetime.fromisoformat(said)


def test_absent_processes_are_reported_with_the_command_that_starts_them(
    site: Site, tmp_path: Path
) -> None:
    submitted = site.run("submit", site.inbox, "--batch", "b")
    all_batches, one = site.run("status"), site.run("status", "b")
    arrived = tmp_path / "arrived"
    write_radiographs(arrived, 1, seed=1)
    watched = site.run("watch", arrived, "--once", "--batch", "w")
    for ran in (submitted, all_batches, one, watched):
        assert ran.returncode == Exit.OK
        assert f"{NO_SCHEDULER}: start `thoraq scheduler`" in ran.stderr, ran.stderr
        assert f"{NO_WORKER}: start `thoraq worker`" in ran.stderr
        assert "no worker" not in ran.stdout
    assert site.commands.json("status", "b")["absent"] == [
        {"part": part, "since": None, "last": None, "start": f"thoraq {part}"}
        for part in ("scheduler", "worker")
    ]
    assert isinstance(site.commands.json("status"), list)
    site.run("pause", "b")
    site.run("pause", "w")
    for words in (("status",), ("status", "b")):
        assert "has answered" not in site.commands.run(*words).stderr
    doctor = site.run("doctor")
    assert doctor.returncode == Exit.UNSOUND
    for part in ("scheduler", "worker"):
        assert f"FAIL  processes   no {part} has answered yet\n" in doctor.stdout
        assert f"repair: thoraq {part}\n" in doctor.stdout


def test_nothing_is_reported_while_all_answer_and_absences_since_when(site: Site) -> None:
    site.run("submit", site.inbox, "--batch", "b")
    with site.running("worker", "--device", "cpu"):
        with site.running("scheduler") as scheduler:
            assert eventually(lambda: site.parts() == [])
            # Without a mark, as for an older release, they are asked.
            with Redis.from_url(site.url) as client:
                client.delete(PRESENT)
                assert site.parts() == []
            followed = site.run("status", "b", "--follow")
            assert "2 measured" in followed.stdout
            assert "has answered" not in followed.stderr
            assert [each.ok for each in site.checks()] == [True]
            write_radiographs(site.inbox, 1, seed=1)
            again = site.run("submit", site.inbox, "--batch", "b")
            assert "1 queued" in again.stdout
            assert "answer" not in again.stderr
            killed_at = datetime.now(UTC)
            for each in (*psutil.Process(scheduler.pid).children(), psutil.Process(scheduler.pid)):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
        assert eventually(lambda: site.parts() == [Part.SCHEDULER], SILENT_SECONDS + 30)
        absence = site.absence(Part.SCHEDULER)
        assert absence.since is not None
        assert abs(absence.since - killed_at) < timedelta(seconds=5)
        assert absence.name == f"upkeep@{socket.gethostname()}"
        [check] = site.checks()
        assert (check.ok, check.repair) == (False, "thoraq scheduler")
        write_radiographs(site.inbox, 1, seed=2)
        told = site.run("submit", site.inbox, "--batch", "b").stderr
        assert abs(since_of(told) - killed_at) < timedelta(minutes=2)
        assert "no worker" not in told
    # A process that was stopped reports this itself.
    assert site.parts() == [Part.SCHEDULER, Part.WORKER]
    assert site.absence(Part.WORKER).name == f"cpu0@{socket.gethostname()}"


def test_a_watch_logs_absences_and_returns(site: Site) -> None:
    with site.running("watch", str(site.inbox), "--batch", "w") as watching:
        assert watching.stderr is not None
        lines = iter(watching.stderr.readline, "")
        assert any(NO_SCHEDULER in line for line in lines)
        assert NO_WORKER in next(lines)
        with site.running("scheduler"):
            changed = json.loads(next(line for line in lines if "files wait" in line))
            assert [NO_WORKER in each for each in changed["missing"]] == [True]


def test_an_unresponsive_broker_is_reported_within_about_a_second(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    site = Site(tmp_path, redis_server.url)
    psutil.Process(redis_server.pid).suspend()
    try:
        before = time.monotonic()
        assert site.parts() == [Part.BROKER]
        assert time.monotonic() - before < 3  # on a busy machine
        said = "no broker answers at THORAQ_BROKER_URL, so nothing runs: see `thoraq doctor`"
        assert said in site.run("submit", site.inbox, "--batch", "b").stderr
        process = site.commands.start("process", site.inbox, "--batch", "p")
        assert process.stderr is not None
        assert said in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
        assert site.commands.json("status", "b")["absent"] == [
            {"part": "broker", "since": None, "last": None, "start": None}
        ]
        assert site.checks() == []  # reported by the check of the broker
    finally:
        psutil.Process(redis_server.pid).resume()


def forge_entries(client: Redis, now: float) -> None:
    """Write entries of the right type that no process of thoraq writes."""
    for member in ("upkeep", "upkeep ", "", " ", f"upkeep {'x' * 1000}", "upkeep,,training a"):
        client.zadd(PRESENT, {member: now})
    client.zadd(PRESENT, {b"\xff\xfe \x1b[2J": now, "no.such.queue x": now})
    for number, score in enumerate((float("inf"), float("-inf"), 9 * now, -now, 1e300, -1e300)):
        client.zadd(PRESENT, {f"upkeep a{number}": score, f"measure.routine b{number}": score})


FORGED: list[Callable[[Redis, float], object]] = [
    forge_entries,
    lambda client, now: client.set(PRESENT, now),
    lambda client, now: client.hset(PRESENT, "upkeep a", str(now)),
]


@pytest.mark.parametrize("forge", FORGED)
def test_foreign_entries_do_not_hide_an_absence(
    site: Site, forge: Callable[[Redis, float], object]
) -> None:
    with Redis.from_url(site.url) as client:
        forge(client, float(client.time()[0]))
        assert find_absences(site.settings) == [Absence(Part.SCHEDULER), Absence(Part.WORKER)]
        mend_keys(client)
        assert client.type(PRESENT) in {b"zset", b"none"}


def test_absences_are_unknown_to_a_user_who_may_only_send(site: Site) -> None:
    with Redis.from_url(site.url) as client:
        client.execute_command(
            *("ACL", "SETUSER", "sender", "on", ">secret", "+@all", "~*", "resetkeys"),
            *("~measure*", "~_kombu*"),
        )
    url = site.url.replace("://", "://sender:secret@")
    settings = Settings(state=site.settings.state, broker_url=url)
    assert find_absences(settings) is None
    [check] = check_processes(settings)
    assert (check.ok, check.repair) == (None, None)
    assert check.found == "cannot be told from here: this user of the broker may only send"


@as_root
def test_absences_are_unknown_at_the_broker_of_another_user() -> None:
    with open_folder() as folder:
        settings = Settings(state=folder / "state")
        (settings.state / "broker").mkdir(mode=0o700, parents=True)
        for mode in (0o755, 0o700):
            settings.state.chmod(mode)
            broker, processes = call_as(OTHER, [], look, settings)
            for check in (broker, processes):
                assert (check.ok, check.repair) == (None, None), check
                assert "cannot be told from here: the embedded broker belongs to root" in (
                    check.found
                )
                ask = f"sudo -u root thoraq doctor --state {settings.state}"
                assert ask in check.found


def look(settings: Settings) -> list[Check]:
    """Return the doctor's checks of broker and processes."""
    return [check_broker(settings), *check_processes(settings)]


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/x", "sqlite:///{}"], ids=["away", "old"])
def test_without_the_database_waiting_files_are_unknown(tmp_path: Path, url: str) -> None:
    settings = Settings(state=tmp_path / "state", database_url=url.format(tmp_path / "old.db"))
    if url.startswith("sqlite"):
        migration.upgrade(settings.database)
        migration.downgrade(settings.database, "0005")
    [check] = check_processes(settings)
    assert (check.ok, check.repair) == (None, None)
    assert "cannot be told" in check.found
    marked = CliRunner().invoke(print_marked, obj=check)
    assert marked.output.startswith("?     processes   nothing runs; whether files wait")


@click.command()
@click.pass_obj
def print_marked(check: Check) -> None:
    """Return a check as printed by the doctor."""
    print_check(check)


def test_an_embedded_installation_rests_until_files_wait(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "state")
    settings = Settings(state=tmp_path / "state")
    [resting] = check_processes(settings)
    assert (resting.ok, resting.found) == (True, "resting, nothing waits")
    write_radiographs(tmp_path / "inbox", 2)
    told = commands.run("submit", tmp_path / "inbox", "--batch", "b").stderr
    assert told.endswith("\nno broker answers, so nothing runs: start `thoraq up`\n")
    [waiting] = check_processes(settings)
    assert (waiting.ok, waiting.found) == (False, "nothing runs, and 2 files wait")
    assert waiting.repair == "thoraq up"
    commands.run("pause", "b")
    assert [each.ok for each in check_processes(settings)] == [True]


@pytest.mark.parametrize("name", ["a b", "it's", "-x"])
def test_the_remedy_names_the_state_folder_of_the_command(tmp_path: Path, name: str) -> None:
    (tmp_path / "films").mkdir()
    write_radiographs(tmp_path / "films", 1)
    state = tmp_path / name
    commands = Commands(tmp_path / "elsewhere")
    ran = commands.run("submit", tmp_path / "films", "--batch", "b", "--state", state)
    [start] = re.findall(r"start `(thoraq up [^`]*)`", ran.stderr)
    assert shlex.split(start) == ["thoraq", "up", "--state", str(state)]
    [absent] = commands.json("status", "b", "--state", state)["absent"]
    assert absent["start"] == start
    assert "`thoraq up`" in Commands(state).run("status", "b").stderr
