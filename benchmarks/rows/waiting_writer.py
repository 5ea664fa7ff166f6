"""How long another writer waits while an operator's command changes a large batch."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from sqlalchemy import select, update

from db.batches import batch_id_of
from db.database import Database, pieces
from db.erasure import erase
from db.erasure_records import Scope
from db.jobs import put_in_chunks
from db.operations import cancel, retry
from db.pauses import pause_batch, resume_batch
from db.states import JobState, Priority
from db.tables import chunk, job
from db.tally import fold
from testbed.large_database import BATCH
from testbed.records import MODEL, START

_CHUNK = 64
#: Foldings after which all entries of the block are folded.
_FOLDS = 3


def longest_waits(url: str) -> Iterator[tuple[str, float, float]]:
    """Yield each command, its duration and the longest wait of another writer, in seconds.

    The radiographs of the filled database are queued again first.
    """
    database = Database.open(url)
    _queue_all(database)
    commands: dict[str, Callable[[], object]] = {
        "pause": lambda: pause_batch(database, BATCH),
        "resume": lambda: resume_batch(database, BATCH),
        "cancel": lambda: cancel(database, BATCH, _CHUNK),
        "retry": lambda: retry(database, BATCH, None, _CHUNK),
    }
    for name, command in commands.items():
        yield name, *_timed(url, command)
    database.dispose()


def forget_waits(url: str) -> tuple[float, float]:
    """Forget the batch; return the duration and the longest wait of another writer, in seconds."""
    database = Database.open(url)
    cancel(database, BATCH, _CHUNK)
    for _ in range(_FOLDS):
        fold(database)
    waits = _timed(url, lambda: list(erase(database, Scope(batch=BATCH))))
    database.dispose()
    return waits


def _timed(url: str, command: Callable[[], object]) -> tuple[float, float]:
    with _Writer(url) as writer:
        began = time.perf_counter()
        command()
        seconds = time.perf_counter() - began
    return seconds, writer.longest_seconds


def _queue_all(database: Database) -> None:
    with database.read() as connection:
        ids = connection.scalars(select(job.c.id).order_by(job.c.id)).all()
    for some in pieces(ids, 20_000):
        with database.write() as connection:
            chosen = job.c.id.between(some[0], some[-1])
            connection.execute(update(job).where(chosen).values(state=JobState.QUEUED))
            put_in_chunks(
                connection,
                some,
                batch_id=batch_id_of(connection, BATCH),
                model_version=MODEL,
                priority=Priority.ROUTINE,
                chunk_size=_CHUNK,
                now=START,
            )
        for _ in range(_FOLDS):
            fold(database)


class _Writer:
    """A process that keeps writing a row, and records its longest wait."""

    def __init__(self, url: str) -> None:
        self._command = [sys.executable, "-m", "benchmarks.rows.waiting_writer", url]
        self.longest_seconds = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout is not None:
            self._process.stdout.readline()
        return self

    def __exit__(self, *_exc: object) -> None:
        output, _none = self._process.communicate("\n")
        self.longest_seconds = float(output)


def write_until_end(url: str) -> None:
    """Write until standard input ends; print the longest wait."""
    database = Database.open(url)
    over = threading.Event()
    threading.Thread(target=_await_line, args=(over,), daemon=True).start()
    longest = 0.0
    print("ready", flush=True)  # noqa: T201
    while not over.is_set():
        began = time.perf_counter()
        with database.write() as connection:
            connection.execute(update(chunk).where(chunk.c.id == 1).values(claimed_at=None))
        longest = max(longest, time.perf_counter() - began)
        time.sleep(0.01)
    print(longest)  # noqa: T201
    database.dispose()


def _await_line(over: threading.Event) -> None:
    sys.stdin.readline()
    over.set()


if __name__ == "__main__":
    write_until_end(sys.argv[1])
