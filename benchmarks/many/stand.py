"""The environment of a simulation: servers, upkeep, workers and database connections."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from celery import Celery
from psycopg import sql

from benchmarks.many.cpu_time import ROLES, Parts
from benchmarks.many.ledger import Entry, Ledger, opened
from benchmarks.many.records import Asked
from db import schema
from db.database import Database
from db.models import register_model
from network.card import shipped_card
from scheduler.app import create_app
from scheduler.settings import Settings, child_environment
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis import RedisServer

_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Stand:
    """The running processes, with the workers ready and idle."""

    parts: Parts
    ledger: Ledger
    app: Celery
    intake: Database
    watcher: Database
    crowd: subprocess.Popen[bytes]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for the workers. Raises RuntimeError if they ended or make no progress."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if self.crowd.poll() is not None:
                raise RuntimeError(f"the workers ended: {self.crowd.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError("the workers make no progress")
            time.sleep(0.01)


@contextmanager
def servers(folder: Path) -> Iterator[tuple[PostgresServer, RedisServer]]:
    """Start PostgreSQL, with fsync, and Redis with its queue on disk."""
    postgres = PostgresServer.in_temporary_folder(("-c", "max_connections=300"))
    redis = RedisServer(folder / "redis")
    try:
        postgres.start()
        redis.start()
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            for role in ROLES:
                name = sql.Identifier(role)
                connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(name))
        yield postgres, redis
    finally:
        redis.kill()
        postgres.remove()


@contextmanager
def stand(asked: Asked, postgres: PostgresServer, redis: RedisServer) -> Iterator[Stand]:
    """Start upkeep and workers on a separate database."""
    url = postgres.create()
    redis.flush()
    with ExitStack() as stack:
        stack.callback(postgres.drop, url)
        schema.upgrade(url)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thoraq-many-")))
        path = place / "ledger"
        ledger = stack.enter_context(opened(path, asked.workers))
        settings = Settings(state=place, broker_url=redis.url, chunk_size=asked.chunk_size)
        command = [
            *("benchmarks.many.crowd", "--count", str(asked.workers), "--ledger", str(path)),
            *("--wait-ms", str(asked.wait_ms), "--pool", asked.pool),
        ]
        card = shipped_card()
        intake = stack.enter_context(_database(_as(url, "intake")))
        watcher = stack.enter_context(_database(_as(url, "watcher")))
        register_model(intake, card.version, card.weights_digest, card.card, serve=True)
        upkeep = stack.enter_context(_process(["scheduler"], settings, _as(url, "upkeep")))
        crowd = stack.enter_context(_process(command, settings, _as(url, "worker")))
        parts = Parts(postgres.pid or 0, redis.pid or 0, upkeep.pid, crowd.pid)
        app = create_app(redis.url)
        stack.callback(app.close)
        made = Stand(parts, ledger, app, intake, watcher, crowd)
        made.wait(lambda: ledger.total(Entry.READY) == asked.workers)
        yield made


def _as(url: str, role: str) -> str:
    return url.replace("//thoraq@", f"//{role}@")


@contextmanager
def _database(url: str) -> Iterator[Database]:
    database = Database.open(url)
    yield database
    database.dispose()


@contextmanager
def _process(module: list[str], settings: Settings, url: str) -> Iterator[subprocess.Popen[bytes]]:
    own = settings.model_copy(update={"database_url": None})
    environment = child_environment(own) | {"THORAQ_DATABASE_URL": url, "OMP_NUM_THREADS": "1"}
    with (settings.state / f"{module[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=_ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
