"""`thoraq health` detects a scheduler, a worker and a watch that hang."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from redis import Redis

from cli.exits import Exit
from db import schema
from db.database import Database
from db.models import register_model
from network.card import shipped_card
from scheduler.heartbeat import ILL_SECONDS, Heartbeat
from scheduler.intake.watch import Watch
from scheduler.messages import ROUTINE_QUEUE
from scheduler.pulse import Beat, Pulse, PulseKind, folder_of, read_beats
from scheduler.settings import Settings
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.patience import eventually
from tests.cli.forked import run_forked


class Host:
    """The processes of one host, with a common state folder."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command."""
        self._started.append(self.commands.start(*words))
        return self._started[-1]

    def health(self, *kinds: str) -> bool:
        """Return whether these kinds are healthy."""
        ran = run_forked(["health", *kinds], self.commands.environment)
        assert ran.returncode in {Exit.OK, Exit.UNSOUND}, ran.stderr
        assert ("FAIL" in ran.stdout) is (ran.returncode == Exit.UNSOUND)
        return ran.returncode == Exit.OK

    def pass_time(self) -> None:
        """Make all heartbeats a quarter of an hour older."""
        for path in folder_of(self.commands.state).glob("*.json"):
            held = json.loads(path.read_text())
            path.write_text(json.dumps(held | {"at_seconds": held["at_seconds"] - 900}))

    def stop(self) -> None:
        """Stop the started processes."""
        for process in self._started:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in self._started:
            process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def host(redis_url: str, tmp_path: Path) -> Iterator[Host]:
    quick = {"THORAQ_UPKEEP_SECONDS": "0.5", "THORAQ_WATCH_SECONDS": "0.2"}
    made = Host(Commands(tmp_path / "state", {"THORAQ_BROKER_URL": redis_url, **quick}))
    assert made.commands.run("db", "upgrade").returncode == 0
    yield made
    made.stop()


@pytest.mark.parametrize("kind", ["scheduler", "worker", "train", "watch"])
def test_a_hanging_process_is_unhealthy_until_it_continues(
    kind: str, host: Host, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    process = host.start(
        *{
            "scheduler": ["scheduler"],
            "worker": ["worker", "--device", "cpu"],
            "train": ["worker", "--device", "cpu", "--queues", "training"],
            "watch": ["watch", tmp_path / "inbox"],
        }[kind]
    )
    assert eventually(lambda: host.health(kind))
    host.pass_time()
    assert eventually(lambda: host.health(kind)), "a running process beats again"
    assert host.health()
    assert not host.health(kind, "worker" if kind != "worker" else "scheduler")
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    host.pass_time()
    time.sleep(3.0)
    assert not host.health(kind)
    assert not host.health()
    process.send_signal(signal.SIGCONT)
    assert eventually(lambda: host.health(kind))
    host.stop()
    assert not list(read_beats(Settings(state=host.commands.state))), "stopped ones leave none"


@pytest.mark.parametrize("queues", ["measure", "training"])
def test_a_worker_whose_child_is_frozen_is_ill_until_the_child_runs_again(
    queues: str, host: Host
) -> None:
    patience_seconds = 8.0  # rather than a minute
    settings = Settings(state=host.commands.state)

    def faults() -> list[str | None]:
        beats = read_beats(settings)
        return [replace(each, limit_seconds=patience_seconds).fault for each in beats]

    process = host.start("worker", "--device", "cpu", "--queues", queues)
    assert eventually(lambda: faults() == [None])
    [child] = psutil.Process(process.pid).children()
    time.sleep(patience_seconds + 4.0)
    assert faults() == [None], "a child without work runs nevertheless"
    child.suspend()
    try:
        assert eventually(lambda: "its child process has not run" in str(faults()))
        assert len(faults()) == 1, "and the parent still notes its pulse"
    finally:
        child.resume()
    assert eventually(lambda: faults() == [None])
    child.kill()
    assert eventually(lambda: psutil.Process(process.pid).children() != [])
    time.sleep(patience_seconds)
    assert faults() == [None], "the child that took its place beats as well"


def test_a_scheduler_refused_by_its_database_completes_no_round(host: Host) -> None:
    host.start("scheduler")
    assert eventually(lambda: host.health("scheduler"))
    with closing(sqlite3.connect(host.commands.state / "thoraq.db")) as other:
        [(revision,)] = other.execute("SELECT version_num FROM alembic_version").fetchall()
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
        time.sleep(1.5)
        host.pass_time()
        time.sleep(3.0)
        assert not host.health("scheduler")
        other.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        other.commit()
    assert eventually(lambda: host.health("scheduler"))


def test_a_killed_process_is_reported_but_not_one_from_before_a_reboot(
    tmp_path: Path,
) -> None:
    settings = Settings(state=tmp_path)
    Pulse(tmp_path, PulseKind.WORKER, "gpu0@host", 0.2).beat()
    [beat] = read_beats(settings)
    assert beat.fault is None
    time.sleep(0.4)
    assert beat.fault is not None
    [path] = folder_of(tmp_path).glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"boot": "another"}))
    assert list(read_beats(settings)) == []
    for spoilt in ("", "[]", "{}", '{"boot": 1, "kind": "no"}', "\x00"):
        path.write_text(spoilt)
        assert list(read_beats(settings)) == []


def test_a_worker_that_takes_no_waiting_messages_is_unhealthy(
    redis_url: str, tmp_path: Path
) -> None:
    consumer = SimpleNamespace(
        hostname="cpu0@host",
        app=SimpleNamespace(
            amqp=SimpleNamespace(queues=SimpleNamespace(consume_from={ROUTINE_QUEUE: None})),
            conf={"thoraq_state": str(tmp_path)},
        ),
    )
    heartbeat = Heartbeat(consumer)
    with Redis.from_url(redis_url) as client:
        assert heartbeat._idle_seconds(client) == 0
        client.lpush(ROUTINE_QUEUE, "a message")
        assert heartbeat._idle_seconds(client) == 0
        time.sleep(0.1)
        assert heartbeat._idle_seconds(client) >= 0.1
        client.delete(ROUTINE_QUEUE)
        assert heartbeat._idle_seconds(client) == 0
        client.set(ROUTINE_QUEUE, "of a strange type")
        assert heartbeat._idle_seconds(client) == 0
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    busy = Beat(PulseKind.WORKER, "cpu0@host", now, ILL_SECONDS)
    idle = Beat(PulseKind.WORKER, "cpu0@host", now, ILL_SECONDS, ILL_SECONDS + 1)
    assert busy.fault is None
    assert "took nothing" in str(idle.fault)


def test_a_single_scan_keeps_the_heartbeat_of_a_running_watch(host: Host, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    host.start("watch", tmp_path / "inbox")
    assert eventually(lambda: list(folder_of(host.commands.state).glob("*.json")))
    assert host.commands.run("watch", tmp_path / "inbox", "--once").returncode == Exit.OK
    assert len(list(folder_of(host.commands.state).glob("*.json"))) == 1
    assert host.health("watch")


def test_a_watch_beats_for_each_file_that_it_reads(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, state = tmp_path / "inbox", tmp_path / "state"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.txt").write_text(str(number))
    settings = Settings(state=state, broker_url=redis_url, settle_seconds=0.0)
    schema.upgrade(settings.database)
    database = Database.open(settings.database)
    card = shipped_card()
    register_model(database, card.version, card.weights_digest, card.card, serve=True)
    beats = []
    monkeypatch.setattr(Pulse, "beat", lambda *_: beats.append(1))
    watch = Watch(database, folder, settings)
    watch.scan()
    beats.clear()
    assert watch.scan().seen == 6
    assert len(beats) > 12  # when it is found, and when it is read
    database.dispose()
