"""A bench: the stages are timed before and after a whole folder is measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from pydicom.uid import UID

from benchmarks.bench.load import Load
from benchmarks.bench.records import Bench, Stage
from benchmarks.errors import BenchFailed
from benchmarks.objects import objects_ms
from db.database import Database
from db.intake import open_batch
from db.records import Batch, BatchStatus
from db.states import Priority
from radiograph.phantom.archive import write_archive
from scheduler.cores import usable_cores
from scheduler.preparation import prepare
from scheduler.settings import Settings, child_environment

#: Measures a folder as a batch with separate processes, and waits until every file has ended.
Measure = Callable[[Database, Path, Batch, Settings], BatchStatus]
_SEED = 42
_OBJECTS_ROUNDS = 10


def run_bench(
    folder: Path | None,
    settings: Settings,
    measure: Measure,
    *,
    devices: Sequence[str],
    sample: int,
    count: int,
) -> Bench:
    """Time the stages before and after a whole run, since the speed of a shared machine varies.

    Everything is in a temporary folder. ``folder``: None for a synthetic archive of ``count``
    radiographs. ``devices``: of each worker. ``sample``: files to time each stage on. Raises
    BenchFailed, and what ``measure`` raises.
    """
    with tempfile.TemporaryDirectory(prefix="thoraq-bench-") as temporary:
        if folder is None:
            folder = Path(temporary) / "archive"
            write_archive(folder, count, _SEED)
        state = Path(temporary) / "state"
        own = settings.model_copy(update={"state": state, "database_url": None, "broker_url": None})
        costs = stage_costs(folder, own, devices, sample)
        database = prepare(own)
        batch = open_batch(database, "bench", Priority.ROUTINE)
        with Load() as load:
            status = measure(database, folder, batch, own)
        database.dispose()
        costs += stage_costs(folder, own, devices, sample)
    return summed_up(costs, status, devices, load)


def stage_costs(
    folder: Path, settings: Settings, devices: Sequence[str], sample: int
) -> list[dict[str, Any]]:
    """Time the stages in separate processes, as many as there are workers on the device.

    So each stage competes for memory and caches as in a run, but not with other stages.
    Raises BenchFailed.
    """
    timing = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.bench.stages", str(folder)),
                *("--device", devices[0], "--most", str(sample)),
            ],
            env=child_environment(settings) | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(usable_cores() if devices[0] == "cpu" else devices.count(devices[0]))
    ]
    costs: list[dict[str, Any]] = []
    for each in timing:
        out, err = each.communicate()
        if each.returncode != 0:
            reason = (err.strip().splitlines() or ["no reason given"])[-1]
            raise BenchFailed.because(f"{reason}")
        costs += json.loads(out)
    return costs


def summed_up(
    costs: Sequence[dict[str, Any]], status: BatchStatus, devices: Sequence[str], load: Load
) -> Bench:
    """Return limit and rate. Raises BenchFailed if nothing was measured."""
    cpu: dict[str, float] = {}
    files: dict[str, int] = {}
    for each in costs:
        cpu[each["stage"]] = cpu.get(each["stage"], 0.0) + each["cpu_seconds"]
        files[each["stage"]] = files.get(each["stage"], 0) + each["files"]
    if (
        not files.get("predict")
        or status.first_claimed_at is None
        or status.last_settled_at is None
    ):
        raise BenchFailed.because("nothing was measured")
    core_ms = {name: 1000 * cpu[name] / max(1, files[name]) for name in cpu}
    whole = sum(core_ms.values())
    cores = usable_cores()
    accelerated = devices[0] != "cpu"
    limit = 1000 * cores / whole
    held = max(core_ms, key=lambda name: core_ms[name])
    device_rate = None
    if accelerated:
        # Each process that timed the stages represents a worker.
        device_rate = len(devices) * mean(
            each["files"] / each["wall_seconds"] for each in costs if each["stage"] == "predict"
        )
        core_rate = 1000 * cores / (whole - core_ms["predict"])
        limit = min(device_rate, core_rate)
        held = "the device" if device_rate < core_rate else held
    seconds = (status.last_settled_at - status.first_claimed_at).total_seconds()
    ended = status.measured + status.set_aside + status.failed
    rate = ended / max(seconds, 1e-3)
    return Bench(
        device=devices[0],
        cores=cores,
        files=ended,
        stages=tuple(Stage(name, ms, ms / whole) for name, ms in core_ms.items()),
        reading=_reading(costs),
        limit_per_second=limit,
        rate_per_second=rate,
        device_busy=None if device_rate is None else rate / device_rate,
        busy=load.between(status.first_claimed_at, status.last_settled_at),
        spent=load.spent(status.first_claimed_at, status.last_settled_at),
        held_by=held,
        objects_core_ms=sum(objects_ms(_OBJECTS_ROUNDS).values()),
    )


def _reading(costs: Sequence[dict[str, Any]]) -> tuple[tuple[str, int, float], ...]:
    """Return transfer syntax or format, files and core-ms per file, for the files read."""
    cpu: dict[str, float] = {}
    files: dict[str, int] = {}
    for each in costs:
        if each["stage"] == "read":
            name = name_of(each["kind"])
            cpu[name] = cpu.get(name, 0.0) + each["cpu_seconds"]
            files[name] = files.get(name, 0) + each["files"]
    runs = sum(each["stage"] == "list" for each in costs)  # of the same sample
    return tuple(
        (name, files[name] // runs, 1000 * cpu[name] / max(1, files[name])) for name in cpu
    )


def name_of(kind: str) -> str:
    """Return the keyword of a transfer syntax, or the format itself."""
    keyword = UID(kind).keyword if kind[:1].isdigit() else ""
    return keyword or kind
