"""A campaign: hostile files through intake, queue, reading processes and database, in rounds."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from db import schema
from db.database import Database
from db.intake import open_batch
from db.models import register_model
from db.query.results import file_outcomes
from db.query.status import batch_status
from db.states import JobState, Priority
from network.card import shipped_card
from results.codes import known_codes
from scheduler.intake.submission import enqueue
from scheduler.settings import Settings
from scheduler.stack import Stack
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis import RedisServer
from tests.fuzz.inputs import NEVER_MEASURED, kind_of, write_input
from tests.fuzz.memory import Memory
from tests.fuzz.radiographs import PATIENT
from tests.fuzz.report import FuzzReport

#: A round hangs if its ledger is still open so long after its last file.
_PATIENCE_SECONDS = 300.0
#: Codes of unexpected errors, of dead workers, and of changed or missing files, which do not occur
#: here.
_FALLBACKS = frozenset(
    {
        *("reader-failed", "measuring-failed", "worker-lost", "quarantined", "prediction-invalid"),
        *("file-unavailable", "content-changed", "path-forbidden", "unrecordable"),
    }
)
_READ_MEMORY_MB = 2048
_READERS = 2
#: Most growth of a worker's child from the second round to the last. By then it has had every size
#: of batch; a radiograph kept for each of 1,000 files would be 16 MB.
_GROWTH_MB = 16
_NAME = PATIENT.partition("^")[0]


def run_campaign(
    count: int,
    seed: int,
    *,
    round_size: int,
    tell: Callable[[str], None],
    postgres: bool = False,
) -> FuzzReport:
    """Send ``count`` inputs through a real stack; return a report with every fault."""
    report = FuzzReport(seed=seed, database="PostgreSQL" if postgres else "SQLite")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="thoraq-fuzz-") as place, ExitStack() as opened:
        folder = Path(place)
        redis = RedisServer(folder / "redis")
        redis.start()
        opened.callback(redis.kill)
        settings = Settings(
            state=folder / "state",
            database_url=_database_url(folder, opened, postgres=postgres),
            broker_url=redis.url,
            upkeep_seconds=0.5,
            retry_seconds=0.2,
            max_attempts=2,
            read_timeout_seconds=30.0,
            read_memory_mb=_READ_MEMORY_MB,
            readers=_READERS,
        )
        settings.state.mkdir()
        schema.upgrade(settings.database)
        database = Database.open(settings.database)
        opened.callback(database.dispose)
        card = shipped_card()
        register_model(database, card.version, card.weights_digest, card.card, serve=True)
        stack = opened.enter_context(Stack(settings, ["cpu"]))
        bench = _Bench(database, stack, settings, folder, seed, report)
        with Memory(stack) as memory:
            for start in range(0, count, round_size):
                _round(bench, range(start, min(start + round_size, count)))
                report.child_mb.append(memory.child_mb)
                tell(
                    f"{report.inputs} of {count} inputs, {len(report.faults)} faults,"
                    f" child {memory.child_mb:.0f} MB, {time.monotonic() - began:.0f} s"
                )
        _check_processes(stack, memory, report)
        for log in (settings.state / "logs").glob("*.log*"):
            if _NAME in log.read_text(encoding="utf-8", errors="replace"):
                report.faults.append(f"{log.name} contains a patient's name")
    report.seconds = time.monotonic() - began
    return report


@dataclass(frozen=True, slots=True)
class _Bench:
    database: Database
    stack: Stack
    settings: Settings
    folder: Path
    seed: int
    report: FuzzReport


def _database_url(folder: Path, opened: ExitStack, *, postgres: bool) -> str:
    if not postgres:
        return f"sqlite:///{folder / 'thoraq.db'}"
    server = PostgresServer.in_temporary_folder()
    opened.callback(server.remove)
    server.start()
    return server.create()


def _round(bench: _Bench, numbers: range) -> None:
    """Write, submit and await some inputs; report every fault."""
    place, report = bench.folder / f"round-{numbers.start:07}", bench.report
    place.mkdir()
    for number in numbers:
        kind = kind_of(bench.seed, number)
        write_input(place, bench.seed, number, kind)
        report.kinds[kind] += 1
    report.inputs += len(numbers)
    of = {str(path): int(path.name.lstrip("-")[:6]) for path in place.iterdir()}
    began = time.monotonic()
    batch = open_batch(bench.database, place.name, Priority.ROUTINE)
    enqueue(bench.database, [place], batch, bench.settings, app=bench.stack.app)
    while batch_status(bench.database, batch.name).open:
        bench.stack.tend()
        time.sleep(0.05)
        if time.monotonic() - began > _PATIENCE_SECONDS:
            report.faults.append(f"{place.name} hangs")
            break
    took = time.monotonic() - began
    report.slowest_round_seconds = max(report.slowest_round_seconds, took)
    _check(bench, batch.name, of)
    shutil.rmtree(place)


def _check(bench: _Bench, batch: str, of: dict[str, int]) -> None:
    report = bench.report
    codes = set(known_codes()) - _FALLBACKS
    met: Counter[str] = Counter()
    for each in file_outcomes(bench.database, batch):
        met[each.path] += 1
        number = of[each.path]
        kind = kind_of(bench.seed, number)
        what = f"input {number} of seed {bench.seed}, {kind}"
        report.note(kind, "duplicate" if each.duplicate else str(each.state))
        if each.state in {JobState.SET_ASIDE, JobState.FAILED}:
            if not each.duplicate:
                report.codes[str(each.code)] += 1
            if each.code not in codes:
                report.faults.append(f"{what}: {each.code}: {each.detail}")
        elif each.state is not JobState.MEASURED:
            report.faults.append(f"{what}: {each.state}")
        elif kind in NEVER_MEASURED:
            report.faults.append(f"{what}: measured")
        if _NAME in f"{each.code} {each.detail}":
            report.faults.append(f"{what}: a patient's name in its detail")
    for path, number in of.items():
        rows = 1 if _counts(path) else 0
        if met[path] != rows:
            report.faults.append(f"input {number} of seed {bench.seed}: {met[path]} rows")


def _check_processes(stack: Stack, memory: Memory, report: FuzzReport) -> None:
    """Report processes that died or grew."""
    restarts = sum(member.restarts for member in stack.members)
    report.worker_crashes = max(restarts, len(memory.parents) - 1) + len(memory.children) - 1
    report.readers_replaced = max(0, len(memory.readers) - _READERS)
    report.peak_mb = memory.peak_mb
    report.reader_limit_mb = _READ_MEMORY_MB
    if report.worker_crashes:
        exits = [each.last_exit for each in stack.members if each.last_exit is not None]
        report.faults.append(f"{report.worker_crashes} processes of the worker died: {exits}")
    grown = report.child_mb
    if len(grown) > 2 and grown[-1] > grown[1] + _GROWTH_MB:
        report.faults.append(f"the worker grew from {grown[1]:.0f} to {grown[-1]:.0f} MB")
    # RLIMIT_AS limits what a reader maps, and so its memory.
    if memory.peak_mb.get("reader", 0.0) > _READ_MEMORY_MB:
        report.faults.append("a reading process used more memory than allowed")


def _counts(path: str) -> bool:
    """Return whether the walk counts the path: links are skipped, folders are walked."""
    mode = os.lstat(path).st_mode
    return not (stat.S_ISLNK(mode) or stat.S_ISDIR(mode))
