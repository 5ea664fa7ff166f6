"""A simulation: files are recorded, then settled by a number of workers."""

from __future__ import annotations

import time
from itertools import count

import psutil
from sqlalchemy import func, select, text

from benchmarks.many.cpu_time import difference
from benchmarks.many.ledger import Entry
from benchmarks.many.records import Asked, Found
from benchmarks.many.stand import Stand, stand
from benchmarks.many.waits import Waits
from db.database import Database, pieces
from db.intake import open_batch, record_files
from db.pauses import pause_queue, resume_queue
from db.states import JobState, Priority, QueueName
from db.tables import job, measurement
from network.card import shipped_card
from scheduler.messages import UPKEEP, UPKEEP_QUEUE
from testbed.records import seen
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis import RedisServer

#: Files per transaction, as in `scheduler.intake.submission`.
_BLOCK = 1000
_IDLE_SECONDS = 4.0
#: Chunks per worker for warming up, on average.
_WARM_CHUNKS = 4


def simulate(asked: Asked, postgres: PostgresServer, redis: RedisServer) -> Found:
    """Run a simulation in a separate database."""
    with stand(asked, postgres, redis) as on:
        return _measured(asked, on)


def _measured(asked: Asked, on: Stand) -> Found:
    parts, ledger, watcher = on.parts, on.ledger, on.watcher
    _warm_up(asked, on)
    before, began = parts.spent(), time.perf_counter()
    time.sleep(_IDLE_SECONDS)
    idle = difference(before, parts.spent())["workers"] / (time.perf_counter() - began)
    pause_queue(on.intake, QueueName.ROUTINE)  # record all files before the workers start
    before, began, own = parts.spent(), time.perf_counter(), time.thread_time()
    _record(on.intake, range(asked.files), asked.chunk_size)
    recorded = time.perf_counter() - began
    taking = difference(before, parts.spent()) | {"intake": time.thread_time() - own}
    resume_queue(on.intake, QueueName.ROUTINE)
    before, counted, writes = parts.spent(), ledger.totals(), _writes(watcher)
    with Waits(watcher) as waits:
        on.app.send_task(UPKEEP, queue=UPKEEP_QUEUE)
        on.wait(lambda: ledger.total(Entry.CLAIM_WALL) > counted[Entry.CLAIM_WALL])
        began, idling, ours = time.perf_counter(), _unused(), sum(parts.spent().values())
        warm = counted[Entry.STORED]
        _await_stored(on, asked.files + warm)
        seconds = time.perf_counter() - began
        ours = sum(parts.spent().values()) - ours
        cores_left = (_unused() - idling + ours) / seconds
    working = difference(before, parts.spent())
    writes = _writes(watcher) - writes
    settled, measurements, most_attempts = _settled(watcher)
    done = {each: now - counted[each] for each, now in ledger.totals().items()}
    a_file, a_chunk = 1000 / asked.files, 1000 / done[Entry.CHUNKS]
    return Found(
        asked,
        seconds,
        {part: cpu * a_file for part, cpu in working.items()},
        {part: taking[part] * a_file for part in ("intake", "database: intake")},
        recorded,
        1000 * idle / asked.workers,
        writes / seconds,
        done[Entry.CLAIM_WALL] * a_chunk,
        done[Entry.STORE_WALL] * a_chunk,
        done[Entry.CLAIM_CPU] * a_file,
        done[Entry.STORE_CPU] * a_file,
        done[Entry.OWN_CPU],
        cores_left,
        waits.shares(),
        settled - int(warm),
        measurements - int(warm),
        most_attempts,
        int(done[Entry.STORED]),
    )


def _warm_up(asked: Asked, on: Stand) -> None:
    """Let every worker process some chunks: in the first it connects and compiles statements."""
    for lap in count(1):
        first = -lap * asked.workers * _WARM_CHUNKS * asked.chunk_size
        files = range(first, first + asked.workers * _WARM_CHUNKS * asked.chunk_size)
        _record(on.intake, files, asked.chunk_size)
        on.app.send_task(UPKEEP, queue=UPKEEP_QUEUE)
        _await_stored(on, -first)
        if on.ledger.least(Entry.CHUNKS) >= 1:
            return


def _await_stored(on: Stand, files: float) -> None:
    on.wait(lambda: on.ledger.total(Entry.STORED) >= files)


def _record(intake: Database, numbers: range, chunk_size: int) -> None:
    batch = open_batch(intake, "night", Priority.ROUTINE)
    for block in pieces([seen(number) for number in numbers], _BLOCK):
        record_files(intake, batch, block, shipped_card().version, chunk_size)


def _unused() -> float:
    """Return the idle seconds of this machine's cores."""
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0))


def _settled(watcher: Database) -> tuple[int, int, int]:
    """Return the measured jobs, the measurements, and the most attempts of a job."""
    with watcher.read() as connection:
        settled, attempts = connection.execute(
            select(func.count(), func.max(job.c.attempts)).where(job.c.state == JobState.MEASURED)
        ).one()
        rows = connection.execute(select(func.count()).select_from(measurement)).scalar_one()
    return settled, rows, attempts or 0


def _writes(watcher: Database) -> int:
    """Return the id of the next writing transaction."""
    with watcher.read() as connection:
        count: int = connection.execute(
            text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        ).scalar_one()
    return count
