"""A campaign: hostile files through intake, queue, reading processes and database, in rounds."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from cli.codes import known_codes
from db import schema
from db.database import Database
from db.intake import open_batch
from db.models import register_model
from db.results import file_outcomes
from db.states import JobState, Priority
from db.status import batch_status
from network.card import shipped_card
from scheduler.intake import enqueue
from scheduler.settings import Settings
from scheduler.stack import Stack
from tests.fuzz.films import PATIENT
from tests.fuzz.inputs import kind_of, write_input
from tests.servers.redis import RedisServer

#: A round whose ledger is still open so long after its last file hangs.
_PATIENCE_SECONDS = 300.0
#: Codes that say nobody foresaw what happened, or that a worker died of it.
_FALLBACKS = frozenset(
    {"reader-failed", "measuring-failed", "worker-lost", "quarantined", "prediction-invalid"}
)
_READ_MEMORY_MB = 1536
#: How much a worker's child may grow from the second round to the last.
_GROWTH = 1.15


@dataclass(slots=True)
class FuzzReport:
    """What a campaign came to."""

    inputs: int = 0
    files: int = 0  # met by the walk: links are passed over, folders are walked
    endings: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    worker_crashes: int = 0
    readers_replaced: int = 0
    peak_mb: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


class Memory:
    """Samples the memory of a worker's processes until it is left."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak_mb: dict[str, float] = {}
        self.child_mb = 0.0
        self.readers: set[int] = set()
        self.children: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(0.1):
            for member in self._stack.members:
                if member.pid is None or not member.name.startswith("cpu"):
                    continue
                try:
                    parent = psutil.Process(member.pid)
                    self._note("parent", parent)
                    for each in parent.children(recursive=True):
                        reader = "worker.reader" in " ".join(each.cmdline())
                        (self.readers if reader else self.children).add(each.pid)
                        self._note("reader" if reader else "child", each)
                except psutil.Error:
                    continue

    def _note(self, name: str, process: psutil.Process) -> None:
        used = process.memory_info().rss / (1 << 20)
        self.peak_mb[name] = max(used, self.peak_mb.get(name, 0.0))
        if name == "child":
            self.child_mb = used


def run_campaign(
    count: int, seed: int, *, round_size: int, tell: Callable[[str], None]
) -> FuzzReport:
    """Send ``count`` inputs through a real stack; the report lists every fault that was found."""
    report = FuzzReport()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="thoraq-fuzz-") as place, ExitStack() as opened:
        folder = Path(place)
        redis = RedisServer(folder / "redis")
        redis.start()
        opened.callback(redis.kill)
        settings = Settings(
            state=folder / "state",
            database_url=f"sqlite:///{folder / 'thoraq.db'}",
            broker_url=redis.url,
            upkeep_seconds=0.5,
            retry_seconds=0.2,
            max_attempts=2,
            read_timeout_seconds=30.0,
            read_memory_mb=_READ_MEMORY_MB,
            readers=2,
        )
        settings.state.mkdir()
        schema.upgrade(settings.database)
        database = Database.open(settings.database)
        opened.callback(database.dispose)
        card = shipped_card()
        register_model(database, card.version, card.weights_digest, card.card, serve=True)
        stack = opened.enter_context(Stack(settings, ["cpu"]))
        bench = _Bench(database, stack, settings, folder, seed, report)
        grown: list[float] = []
        with Memory(stack) as memory:
            for start in range(0, count, round_size):
                _round(bench, range(start, min(start + round_size, count)))
                grown.append(memory.child_mb)
                tell(
                    f"{report.inputs} of {count} inputs, {len(report.faults)} faults,"
                    f" child {memory.peak_mb.get('child', 0):.0f} MB"
                )
        report.worker_crashes = sum(member.restarts for member in stack.members)
        report.worker_crashes += max(0, len(memory.children) - 1)
        report.readers_replaced = max(0, len(memory.readers) - 2)
        report.peak_mb = memory.peak_mb
        if report.worker_crashes:
            report.faults.append(f"{report.worker_crashes} processes of the worker died")
        # By the second round everything is loaded; what grows from there never stops growing.
        if len(grown) > 2 and grown[-1] > _GROWTH * grown[1]:
            report.faults.append(f"the worker grew from {grown[1]:.0f} to {grown[-1]:.0f} MB")
        # RLIMIT_AS bounds what a reader may map, and so what it holds.
        if memory.peak_mb.get("reader", 0.0) > _READ_MEMORY_MB:
            report.faults.append("a reading process held more memory than it may")
        for log in (settings.state / "logs").glob("*.log"):
            if PATIENT.partition("^")[0] in log.read_text(encoding="utf-8", errors="replace"):
                report.faults.append(f"a patient's name stands in {log.name}")
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


def _round(bench: _Bench, numbers: range) -> None:
    """Write, submit and await some inputs; note whatever is not as it must be."""
    place, report = bench.folder / f"round-{numbers.start:07}", bench.report
    place.mkdir()
    of: dict[str, str] = {}
    for number in numbers:
        kind = kind_of(bench.seed, number)
        write_input(place, bench.seed, number, kind)
        report.kinds[kind] += 1
    report.inputs += len(numbers)
    for path in place.iterdir():
        number = int(path.name.lstrip("-")[:6])
        of[str(path)] = f"{kind_of(bench.seed, number)}, input {number} of seed {bench.seed}"
    batch = open_batch(bench.database, place.name, Priority.ROUTINE)
    enqueue(bench.database, [place], batch, bench.settings, app=bench.stack.app)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while batch_status(bench.database, batch.name).open:
        bench.stack.tend()
        time.sleep(0.05)
        if time.monotonic() > deadline:
            report.faults.append(f"{place.name} hangs")
            break
    _check(bench.database, batch.name, of, report)
    shutil.rmtree(place)


def _check(database: Database, batch: str, of: dict[str, str], report: FuzzReport) -> None:
    expected = {path for path in of if _counts(path)}
    codes = set(known_codes()) - _FALLBACKS
    met: Counter[str] = Counter()
    for each in file_outcomes(database, batch):
        met[each.path] += 1
        what = of.get(each.path, each.path)
        if each.duplicate:
            report.endings["duplicate"] += 1
            continue
        report.endings[str(each.state)] += 1
        if each.state in {JobState.SET_ASIDE, JobState.FAILED}:
            report.codes[str(each.code)] += 1
            if each.code not in codes:
                report.faults.append(f"{what}: {each.code}: {each.detail}")
        elif each.state is not JobState.MEASURED:
            report.faults.append(f"{what}: {each.state}")
        if PATIENT.partition("^")[0] in f"{each.code} {each.detail}":
            report.faults.append(f"{what}: a patient's name in its detail")
    report.files += len(met)
    report.faults += [f"{of.get(path, path)}: {met[path]} rows" for path in met if met[path] > 1]
    report.faults += [f"{of[path]}: no row" for path in expected - met.keys()]


def _counts(path: str) -> bool:
    """Whether the walk counts it: links are passed over, folders are walked."""
    mode = os.lstat(path).st_mode
    return not (stat.S_ISLNK(mode) or stat.S_ISDIR(mode))
