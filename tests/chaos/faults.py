"""What may go wrong in a night, each as a function that does it to a running stack."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from redis.exceptions import RedisError

from scheduler.messages import ROUTINE_QUEUE
from scheduler.settings import Settings
from scheduler.stack import Member, Stack
from tests.chaos.proxy import Proxy
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer


@dataclass(slots=True)
class Night:
    """Everything a fault may be done to."""

    settings: Settings
    stack: Stack
    redis: RedisServer
    broker: Proxy
    postgres: PostgresServer | None
    database: Proxy | None
    disk: Path | None  # a small file system that holds the SQLite database
    random: random.Random
    submit_again: Callable[[], None]
    #: What goes on beside the next faults; each is waited for at the end.
    going_on: list[threading.Thread] = field(default_factory=list)

    def beside(self, work: Callable[[], None]) -> None:
        """Do something slow while the next faults come."""
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.going_on.append(thread)

    @property
    def sqlite_path(self) -> str:
        """Path of the SQLite database."""
        return self.settings.database.removeprefix("sqlite:///")


class Spared(Exception):
    """There was nothing to do it to this time: the process was down already."""


def kill_worker(night: Night) -> None:
    """SIGKILL a worker with its child and its readers."""
    worker = _process(night, _worker(night))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)


def kill_child(night: Night) -> None:
    """SIGKILL the child that measures, as the kernel does when memory runs out."""
    children = _process(night, _worker(night)).children()
    _any(night, [each for each in children if "worker.reader" not in " ".join(_words(each))]).kill()


def kill_reader(night: Night) -> None:
    """SIGKILL a reading process, as a crash of a decoder does."""
    family = _process(night, _worker(night)).children(recursive=True)
    _any(night, [each for each in family if "worker.reader" in " ".join(_words(each))]).kill()


def freeze_worker(night: Night) -> None:
    """SIGSTOP a worker's family until well past its lease."""
    worker = _process(night, _worker(night))
    family = [worker, *worker.children(recursive=True)]
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.suspend()

    def thaw() -> None:
        time.sleep(night.settings.lease_seconds * 2)
        for each in family:
            with contextlib.suppress(psutil.Error):
                each.resume()

    night.beside(thaw)


def stop_worker(night: Night) -> None:
    """SIGTERM: a worker gives back what it has not begun."""
    _process(night, _worker(night)).terminate()


def kill_upkeep(night: Night) -> None:
    """SIGKILL the process that sends and recovers."""
    _process(night, "upkeep").kill()


def kill_broker(night: Night) -> None:
    """SIGKILL Redis; it comes back with its queue."""
    night.redis.kill()
    time.sleep(night.random.uniform(0.2, 1.5))
    night.redis.start()


def flush_broker(night: Night) -> None:
    """Empty Redis."""
    with contextlib.suppress(RedisError):
        night.redis.flush()


def cut_broker(night: Night) -> None:
    """Cut every connection to Redis, and refuse new ones for a while."""
    _refuse(night, night.broker)


def delay_broker(night: Night) -> None:
    """Make the way to Redis slow for a while."""
    _delay(night, night.broker)


def double_messages(night: Night) -> None:
    """Put every message that waits into the queue once more."""
    with contextlib.suppress(RedisError), Redis(port=night.redis.port) as client:
        waiting: Any = client.lrange(ROUTINE_QUEUE, 0, -1)
        for message in waiting[:200]:
            client.lpush(ROUTINE_QUEUE, message)


def shuffle_messages(night: Night) -> None:
    """Bring the messages that wait into another order."""
    with contextlib.suppress(RedisError), Redis(port=night.redis.port) as client:
        waiting: Any = client.lrange(ROUTINE_QUEUE, 0, -1)
        night.random.shuffle(waiting)
        with client.pipeline() as pipeline:
            pipeline.delete(ROUTINE_QUEUE)
            for message in waiting:
                pipeline.rpush(ROUTINE_QUEUE, message)
            pipeline.execute()


def foreign_message(night: Night) -> None:
    """Send a message that thoraq never sent, and one that is no message at all."""
    with contextlib.suppress(RedisError), Redis(port=night.redis.port) as client:
        client.rpush(ROUTINE_QUEUE, json.dumps({"body": "none", "headers": {}, "properties": {}}))


def kill_postgres(night: Night) -> None:
    """End PostgreSQL at once, and start it again."""
    if night.postgres is None:
        raise Spared
    night.postgres.kill()
    time.sleep(night.random.uniform(0.2, 1.5))
    night.postgres.start()


def cut_database(night: Night) -> None:
    """Cut every connection to PostgreSQL, and refuse new ones for a while."""
    _refuse(night, _required(night.database))


def delay_database(night: Night) -> None:
    """Make the way to PostgreSQL slow for a while."""
    _delay(night, _required(night.database))


def lock_sqlite(night: Night) -> None:
    """Hold SQLite's only write lock for seconds."""
    if night.postgres is not None:
        raise Spared

    def hold() -> None:
        with _sqlite(night) as connection, contextlib.suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(night.random.uniform(1.0, 3.0))
            connection.execute("ROLLBACK")

    night.beside(hold)


def fill_disk(night: Night) -> None:
    """Fill the file system that holds the SQLite database, for a while."""
    if night.disk is None:
        raise Spared
    ballast = night.disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))

    def empty() -> None:
        time.sleep(night.random.uniform(1.0, 2.5))
        ballast.unlink(missing_ok=True)

    night.beside(empty)


def submit_twice(night: Night) -> None:
    """Submit everything once more, as an operator does who is not sure."""
    night.beside(night.submit_again)


FAULTS: tuple[Callable[[Night], None], ...] = (
    kill_worker,
    kill_child,
    kill_reader,
    freeze_worker,
    stop_worker,
    kill_upkeep,
    kill_broker,
    flush_broker,
    cut_broker,
    delay_broker,
    double_messages,
    shuffle_messages,
    foreign_message,
    kill_postgres,
    cut_database,
    delay_database,
    lock_sqlite,
    fill_disk,
    submit_twice,
)


def forgive(member: Member) -> None:
    """Let a member come back at once: the kills of a night are pressed into a minute here."""
    member.early_deaths = 0
    member.pause_seconds = 0.5


def _refuse(night: Night, proxy: Proxy) -> None:
    proxy.refuse(refusing=True)

    def accept() -> None:
        time.sleep(night.random.uniform(0.5, 2.5))
        proxy.refuse(refusing=False)

    night.beside(accept)


def _delay(night: Night, proxy: Proxy) -> None:
    proxy.delay(night.random.uniform(0.05, 0.3))

    def hurry() -> None:
        time.sleep(3.0)
        proxy.delay(0.0)

    night.beside(hurry)


def _required(proxy: Proxy | None) -> Proxy:
    if proxy is None:
        raise Spared
    return proxy


def _worker(night: Night) -> str:
    return night.random.choice([each.name for each in night.stack.members if "cpu" in each.name])


def _process(night: Night, name: str) -> psutil.Process:
    [pid] = [each.pid for each in night.stack.members if each.name == name]
    try:
        process = psutil.Process(pid) if pid is not None else None
    except psutil.NoSuchProcess:
        process = None
    if process is None or process.status() == psutil.STATUS_ZOMBIE:
        raise Spared
    return process


def _any(night: Night, processes: list[psutil.Process]) -> psutil.Process:
    if not processes:
        raise Spared
    return night.random.choice(processes)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def _sqlite(night: Night) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(night.sqlite_path, timeout=5.0, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()
