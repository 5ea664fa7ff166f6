"""Fixtures of the worker's tests: a bench to run a stack on."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from db.database import Database
from db.intake import open_batch
from db.models import register_model
from db.query.status import batch_status
from db.records import BatchStatus
from db.states import Priority
from network.card import shipped_card
from scheduler.intake.submission import enqueue
from scheduler.settings import Settings
from scheduler.stack import Stack


class Bench:
    """Settings, a database and an archive to run a stack on."""

    def __init__(self, settings: Settings, archive: Path) -> None:
        self.settings = settings
        self.archive = archive
        self.database = Database.open(settings.database)
        settings.state.mkdir()
        card = shipped_card()
        register_model(self.database, card.version, card.weights_digest, card.card, serve=True)

    def submit(
        self, stack: Stack | None, *places: Path, priority: Priority = Priority.ROUTINE
    ) -> None:
        """Submit folders, by default the archive."""
        batch = open_batch(self.database, str(priority), priority)
        app = None if stack is None else stack.app
        enqueue(self.database, places or [self.archive], batch, self.settings, app=app)

    def status(self, priority: Priority = Priority.ROUTINE) -> BatchStatus:
        """Return the ledger of the submitted files."""
        return batch_status(self.database, str(priority))

    def finish(self, stack: Stack, seconds: float = 90.0) -> BatchStatus:
        """Tend the stack until every file has ended."""
        deadline = time.monotonic() + seconds
        while self.status().open and time.monotonic() < deadline:
            stack.tend()
            time.sleep(0.05)
        return self.status()

    @contextmanager
    def stack(
        self, devices: Sequence[str] = ("cpu",), *, training: bool = False
    ) -> Iterator[Stack]:
        """Run a stack, and check that it ends without being killed."""
        with Stack(self.settings, devices, training=training) as running:
            yield running
        ends = {each.name: each.last_exit for each in running.members}
        assert -signal.SIGKILL not in ends.values(), ends

    def log(self, name: str = "cpu0") -> str:
        """Return a member's log."""
        return (self.settings.state / "logs" / f"{name}.log").read_text()


@pytest.fixture
def bench(sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench on SQLite."""
    with made_bench(sqlite_url, redis_url, tmp_path) as made:
        yield made


@pytest.fixture
def either_bench(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench, once on SQLite and once on PostgreSQL."""
    with made_bench(database_url, redis_url, tmp_path) as made:
        yield made


@contextmanager
def made_bench(database_url: str, redis_url: str, folder: Path) -> Iterator[Bench]:
    """Return a bench with short leases and pauses."""
    settings = Settings(
        state=folder / "state",
        database_url=database_url,
        broker_url=redis_url,
        chunk_size=4,
        device_batch=4,
        lease_seconds=2.0,
        training_lease_seconds=4.0,
        checkpoint_seconds=1.0,
        upkeep_seconds=0.5,
        resend_seconds=5.0,
        retry_seconds=0.2,
        readers=1,
    )
    bench = Bench(settings, folder / "archive")
    yield bench
    bench.database.dispose()


def member(stack: Stack, name: str) -> psutil.Process:
    """Return a member's process."""
    [pid] = [each.pid for each in stack.members if each.name == name]
    assert pid is not None
    return psutil.Process(pid)


def kill_group(process: psutil.Process) -> None:
    """Kill a member with its children."""
    os.killpg(os.getpgid(process.pid), signal.SIGKILL)


def freeze(
    bench: Bench, worker: psutil.Process, *, holding: str = "SELECT 1"
) -> list[psutil.Process]:
    """Stop a worker and its children between two transactions, once ``holding`` is not 0.

    Inside one it would hold SQLite's only write lock for as long as it is stopped, and everybody
    else would wait for it: what is asked is what becomes of its lease.
    """
    path = bench.settings.database.removeprefix("sqlite:///")
    for _ in range(200):
        frozen = [worker, *worker.children(recursive=True)]
        for process in frozen:
            process.suspend()
        connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            (held,) = connection.execute(holding).fetchone()
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            held = 0
        finally:
            connection.close()
        if held:
            return frozen
        for process in frozen:
            process.resume()
        time.sleep(0.02)
    raise AssertionError("the worker was never found between two transactions")
