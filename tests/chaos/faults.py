"""The faults of a night, each a function that applies it to a running stack."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from redis.exceptions import RedisError

from scheduler.messages import ROUTINE_QUEUE
from scheduler.settings import Settings, child_environment
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis import RedisServer
from tests.chaos.forged import forge
from tests.chaos.owner import UPKEEP, WORKERS, Owner, words
from tests.chaos.proxy import Proxy

#: Most attempts to start Redis until its disk has space.
_STARTS = 20


@dataclass(slots=True)
class Night:
    """The parts of a running stack to which faults are applied."""

    settings: Settings
    owner: Owner
    redis: RedisServer
    broker: Proxy
    postgres: PostgresServer | None
    database: Proxy | None
    standby: tuple[PostgresServer, Proxy] | None  # until it is promoted
    disk: Path | None  # a small file system: state folder, queue of Redis, SQLite database
    random: random.Random
    batch: str
    submit_again: Callable[[], None]
    #: The files that are submitted next.
    coming: Sequence[Path] = ()
    #: Faults still to come before any is repeated.
    deck: list[Callable[[Night], None]] = field(default_factory=list)
    #: Work that runs during the next faults, and is waited for at the end.
    going_on: list[threading.Thread] = field(default_factory=list)

    def beside(self, work: Callable[[], None], after_seconds: float = 0.0) -> None:
        """Run something slow, or later, during the next faults."""

        def wait_and_work() -> None:
            time.sleep(after_seconds)
            work()

        thread = threading.Thread(target=wait_and_work, daemon=True)
        thread.start()
        self.going_on.append(thread)

    @property
    def sqlite_path(self) -> str:
        """Return the path of the SQLite database."""
        return self.settings.database.removeprefix("sqlite:///")


class Spared(Exception):
    """The fault had no target: the process was not running, the queue empty."""


def kill_worker(night: Night) -> None:
    """SIGKILL a worker with its child and its readers."""
    worker = _process(night, _worker(night))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)


def kill_owner(night: Night) -> None:
    """SIGKILL the process that started all others, which then end by themselves."""
    if not night.owner.kill():
        raise Spared


def kill_child(night: Night) -> None:
    """SIGKILL the child that measures, as the kernel does when memory runs out."""
    children = _process(night, _worker(night)).children()
    _any(
        night, [each for each in children if "worker.readers.reader" not in " ".join(words(each))]
    ).kill()


def kill_reader(night: Night) -> None:
    """SIGKILL a reading process, like a crash of a decoder."""
    family = _process(night, _worker(night)).children(recursive=True)
    _any(
        night, [each for each in family if "worker.readers.reader" in " ".join(words(each))]
    ).kill()


def freeze_worker(night: Night) -> None:
    """SIGSTOP a worker and its children until well after its lease expired."""
    worker = _process(night, _worker(night))
    family = [worker, *worker.children(recursive=True)]
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.suspend()

    def thaw() -> None:
        for each in family:
            with contextlib.suppress(psutil.Error):
                each.resume()

    night.beside(thaw, 2 * night.settings.lease_seconds)


def stop_worker(night: Night) -> None:
    """SIGTERM: a worker releases the files it has not begun."""
    _process(night, _worker(night)).terminate()


def kill_upkeep(night: Night) -> None:
    """SIGKILL the process that sends and recovers."""
    _process(night, UPKEEP).kill()


def kill_broker(night: Night) -> None:
    """SIGKILL Redis; it is restarted with its queue."""
    night.redis.kill()
    time.sleep(night.random.uniform(0.2, 1.5))
    for _ in range(_STARTS):
        try:
            night.redis.start()
        except RuntimeError:  # its disk is full
            time.sleep(0.5)
        else:
            return
    raise RuntimeError("Redis does not come back")


def flush_broker(night: Night) -> None:
    """Empty Redis."""
    with _redis(night) as client:
        client.flushall()


def cut_broker(night: Night) -> None:
    """Cut every connection to Redis, and refuse new ones for a while."""
    _refuse(night, night.broker)


def delay_broker(night: Night) -> None:
    """Delay the connection to Redis for a while."""
    _delay(night, night.broker)


def double_messages(night: Night) -> None:
    """Add every waiting message to the queue once more."""
    with _redis(night) as client:
        waiting: Any = client.lrange(ROUTINE_QUEUE, 0, -1)
        if not waiting:
            raise Spared
        for message in waiting[:200]:
            client.lpush(ROUTINE_QUEUE, message)


def shuffle_messages(night: Night) -> None:
    """Shuffle the waiting messages."""
    with _redis(night) as client:
        waiting: Any = client.lrange(ROUTINE_QUEUE, 0, -1)
        if len(waiting) < 2:
            raise Spared
        night.random.shuffle(waiting)
        with client.pipeline() as pipeline:
            pipeline.delete(ROUTINE_QUEUE)
            for message in waiting:
                pipeline.rpush(ROUTINE_QUEUE, message)
            pipeline.execute()


def foreign_message(night: Night) -> None:
    """Add data to the queue that is not a message."""
    with _redis(night) as client:
        client.rpush(ROUTINE_QUEUE, json.dumps({"body": "none", "headers": {}, "properties": {}}))


def forged_message(night: Night) -> None:
    """Forge messages, commands and keys."""
    with _redis(night) as client:
        forge(client, night.random)


def kill_postgres(night: Night) -> None:
    """Kill PostgreSQL, and restart it."""
    if night.postgres is None:
        raise Spared
    night.postgres.kill()
    time.sleep(night.random.uniform(0.2, 1.5))
    night.postgres.start()


def fail_over(night: Night) -> None:
    """Kill the primary for good, and promote the synchronous standby."""
    if night.postgres is None or night.standby is None:
        raise Spared
    night.postgres.kill()
    time.sleep(night.random.uniform(0.2, 1.5))
    (night.postgres, night.database), night.standby = night.standby, None
    night.postgres.promote()


def cut_database(night: Night) -> None:
    """Cut every connection to PostgreSQL, and refuse new ones for a while."""
    _refuse(night, _required(night.database))


def delay_database(night: Night) -> None:
    """Delay the connection to PostgreSQL for a while."""
    _delay(night, _required(night.database))


def lock_sqlite(night: Night) -> None:
    """Hold SQLite's only write lock for seconds."""
    if night.postgres is not None:
        raise Spared

    seconds = night.random.uniform(1.0, 3.0)

    def hold() -> None:
        with _sqlite(night) as connection, contextlib.suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    night.beside(hold)


def fill_disk(night: Night) -> None:
    """Fill the disk of state folder, Redis and SQLite for a while."""
    if night.disk is None:
        raise Spared
    ballast = night.disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    night.beside(lambda: ballast.unlink(missing_ok=True), night.random.uniform(1.0, 2.5))


def submit_twice(night: Night) -> None:
    """Submit everything once more, as an uncertain operator does."""
    night.beside(night.submit_again)


def kill_submission(night: Night) -> None:
    """SIGKILL `thoraq submit` at a random moment of the next submission."""
    places = [str(path) for path in night.coming]
    submission = subprocess.Popen(
        [sys.executable, "-m", "cli", "submit", *places, "--batch", night.batch],
        cwd=Path(__file__).parents[2],
        env=child_environment(night.settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        submission.wait(night.random.uniform(0.5, 3.0))
    except subprocess.TimeoutExpired:
        submission.kill()
        submission.wait()
    else:
        raise Spared  # it had already finished


FAULTS: tuple[Callable[[Night], None], ...] = (
    kill_worker,
    kill_owner,
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
    forged_message,
    kill_postgres,
    fail_over,
    cut_database,
    delay_database,
    lock_sqlite,
    fill_disk,
    submit_twice,
    kill_submission,
)


def hurt(night: Night) -> str | None:
    """Apply the next fault that has a target; return its name, None if there is none.

    Faults come in a random order, each once before any is repeated; one without a target is tried
    again next.
    """
    done = _draw(night)
    if done is None:  # none of the remaining faults has a target
        night.deck = night.random.sample(FAULTS, len(FAULTS))
        done = _draw(night)
    return done


def _draw(night: Night) -> str | None:
    spared = []
    done = None
    while night.deck and done is None:
        fault = night.deck.pop()
        try:
            fault(night)
        except (Spared, psutil.Error):
            spared.append(fault)
        else:
            done = fault.__name__
    night.deck += spared
    return done


def _refuse(night: Night, proxy: Proxy) -> None:
    proxy.refuse(refusing=True)
    night.beside(lambda: proxy.refuse(refusing=False), night.random.uniform(0.5, 2.5))


def _delay(night: Night, proxy: Proxy) -> None:
    proxy.delay(night.random.uniform(0.05, 0.3))
    night.beside(lambda: proxy.delay(0.0), 3.0)


def _required(proxy: Proxy | None) -> Proxy:
    if proxy is None:
        raise Spared
    return proxy


def _worker(night: Night) -> str:
    return night.random.choice(WORKERS)


def _process(night: Night, name: str) -> psutil.Process:
    process = night.owner.member(name)
    if process is None:
        raise Spared
    return process


def _any(night: Night, processes: list[psutil.Process]) -> psutil.Process:
    if not processes:
        raise Spared
    return night.random.choice(processes)


@contextmanager
def _redis(night: Night) -> Iterator[Redis]:
    """Yield a connection to Redis itself; raise Spared if it accepts no changes."""
    with Redis(port=night.redis.port) as client:
        try:
            yield client
        except RedisError as exc:
            raise Spared from exc


@contextmanager
def _sqlite(night: Night) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(night.sqlite_path, timeout=5.0, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()
