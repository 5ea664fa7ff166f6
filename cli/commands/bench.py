"""`thoraq bench`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import click
from pydicom.uid import UID

from cli.bench_picture import draw_bench
from cli.errors import BenchFailed
from cli.load import Load, Part
from cli.measuring import measure
from cli.options import Count, Paths, settings_option
from cli.out_option import PictureFile, out_option
from cli.output.printing import Row, print_json, print_table, say
from db.intake import open_batch
from db.records import BatchStatus
from db.states import Priority
from radiograph.phantom.archive import SMALLEST_COUNT, write_archive
from scheduler.cores import usable_cores
from scheduler.local_processes import workers_devices
from scheduler.preparation import prepare
from scheduler.settings import Settings, child_environment

#: Recording is the intake's, before a worker is asked, and counts as if it were a worker's.
_DATABASE_STAGES = ("record", "claim", "write")
_WORKERS_STAGES = ("read", "prepare", "predict", "measure", *_DATABASE_STAGES)


#: Files from which on a verdict is given. The processes' start and each part's first transactions
#: are most of what a few dozen files cost, and say nothing of a night.
FEWEST_JUDGED = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage costs alone, in core-milliseconds a file; ``share`` of all of them."""

    name: str
    core_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What a machine could do, what it did, and what holds it back."""

    device: str
    cores: int
    files: int
    stages: tuple[Stage, ...]
    reading: tuple[tuple[str, int, float], ...]  # transfer syntax or format, files, core-ms
    limit_per_second: float
    rate_per_second: float
    busy: float  # share of the cores that were at work
    device_busy: float | None  # the rate as a share of what the accelerators alone predict
    spent: Mapping[Part, float]  # share of thoraq's own CPU time that went to each part
    held_by: str

    @property
    def is_judged(self) -> bool:
        """Whether so many files were measured that starting the processes no longer counts."""
        return self.files >= FEWEST_JUDGED

    @property
    def efficiency(self) -> float:
        """Return the rate as a share of the limit."""
        return self.rate_per_second / self.limit_per_second

    @property
    def overhead(self) -> float:
        """Return the share of the work that queue and database take.

        The work is what workers and queue do; the command that waits for them is not needed.
        """
        core_ms = {each.name: each.core_ms for each in self.stages}
        by_workers = sum(core_ms[name] for name in _WORKERS_STAGES)
        stored = sum(core_ms[name] for name in _DATABASE_STAGES) / by_workers
        queued, commanded = self.spent[Part.QUEUE], self.spent[Part.COMMAND]
        worked = 1.0 - queued - commanded
        return (queued + stored * worked) / max(1.0 - commanded, 1e-9)


@click.command()
@click.argument("folder", required=False, type=Paths(exists=True, file_okay=False))
@click.option(
    "--count",
    type=Count(min=SMALLEST_COUNT),
    default=400,
    show_default=True,
    help="radiographs of a made archive",
)
@click.option(
    "--sample",
    type=Count(min=1),
    default=200,
    show_default=True,
    help="files each stage is timed on",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, or cuda:N")
@out_option(PictureFile(".png"), "write a picture (PNG)")
@click.option("--json", "as_json", is_flag=True, help="a JSON object")
@settings_option
def bench(
    folder: Path | None,
    *,
    count: int,
    sample: int,
    device: str,
    out: Path | None,
    as_json: bool,
    settings: Settings,
) -> None:
    """Say how fast this machine measures, and could.

    Also what holds it back. Times each stage alone on a sample of FOLDER, or of an archive that is
    made for it, before and after it measures the whole folder in a state folder of its own. Works
    out the limit they imply and compares; stores nothing. The limit: what the cores could do if no
    stage ever waited for another; on an accelerator also what the device alone could do.

    \b
    Example:
      thoraq bench /archive/2024/03 --out bench.png
    """
    with tempfile.TemporaryDirectory(prefix="thoraq-bench-") as place:
        if folder is None:
            folder = Path(place) / "archive"
            write_archive(folder, count, 42)
        found = run_bench(folder, Path(place) / "state", settings, device, sample)
    said = verdict(found)
    if out is not None:
        draw_bench(out, said, found.stages, found.reading)
    if as_json:
        print_json(bench_json(found))
        return
    print_table([stage_row(each) for each in found.stages], more="--json")
    say()
    print_table([reading_row(*each) for each in found.reading], more="--json")
    say()
    for line in said.splitlines():
        say(line)
    if out is not None:
        say(f"picture   {out}")


def name_of(kind: str) -> str:
    """Name a transfer syntax by its keyword, a format by itself."""
    keyword = UID(kind).keyword if kind[:1].isdigit() else ""
    return keyword or kind


def verdict(found: Bench) -> str:
    """Return what a bench came to, in two lines."""
    device = "" if found.device_busy is None else f", devices busy {found.device_busy:.0%}"
    second = (
        f"; queue and database take {found.overhead:.1%} of the work; held back by {found.held_by}"
        if found.is_judged
        else f"; too few files to say what holds it back: give {FEWEST_JUDGED} or more"
    )
    return (
        f"{found.files} files at {found.rate_per_second:.1f}/s: {found.efficiency:.0%} of the"
        f" limit of {found.limit_per_second:.1f}/s on {found.device} with {found.cores} cores\n"
        f"cores busy {found.busy:.0%}{device}{second}"
    )


def run_bench(folder: Path, state: Path, settings: Settings, device: str, sample: int) -> Bench:
    """Time the stages before and after the whole: a machine's speed drifts with its neighbours'.

    Raises BenchFailed, WorkersGone, DeviceMissing.
    """
    devices = workers_devices(settings, device)
    own = settings.model_copy(update={"state": state, "database_url": None, "broker_url": None})
    costs = stage_costs(folder, own, devices, sample)
    database = prepare(own)
    batch = open_batch(database, "bench", Priority.ROUTINE)
    with Load() as load:
        status = measure(database, [folder], batch, own, device=device).status
    database.dispose()
    costs += stage_costs(folder, own, devices, sample)
    return summed_up(costs, status, devices, load)


def stage_costs(
    folder: Path, settings: Settings, devices: Sequence[str], sample: int
) -> list[dict[str, Any]]:
    """Have processes of their own time the stages: as many as there are workers on the device.

    So each stage has the whole machine, its shared memory too, and no other stage beside it.
    Raises BenchFailed.
    """
    timing = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "worker.stages", str(folder)),
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
            said = (err.strip().splitlines() or ["no reason given"])[-1]
            raise BenchFailed.because(said)
        costs += json.loads(out)
    return costs


def summed_up(
    costs: Sequence[dict[str, Any]], status: BatchStatus, devices: Sequence[str], load: Load
) -> Bench:
    """Work out limit and rate. Raises BenchFailed where nothing could be measured."""
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
        # Each process that timed the stages stands for a worker, beside the others of its device.
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
    )


def _reading(costs: Sequence[dict[str, Any]]) -> tuple[tuple[str, int, float], ...]:
    """Return transfer syntax or format, files and core-ms a file, of all that were read."""
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


def stage_row(stage: Stage) -> Row:
    """Return a stage's line."""
    return {
        "stage": stage.name,
        "core_ms_a_file": round(stage.core_ms, 2),
        "files_a_core_s": round(1000 / stage.core_ms) if stage.core_ms else None,
        "share": f"{stage.share:.1%}",
    }


def reading_row(kind: str, files: int, core_ms: float) -> Row:
    """Return the line of a transfer syntax or format."""
    return {
        "read": kind,
        "files": files,
        "core_ms_a_file": round(core_ms, 2),
        "files_a_core_s": round(1000 / core_ms) if core_ms else None,
    }


def bench_json(found: Bench) -> dict[str, object]:
    """Return a bench with stable keys."""
    return {
        "device": found.device,
        "cores": found.cores,
        "files": found.files,
        "stages": [stage_row(each) for each in found.stages],
        "reading": [reading_row(*each) for each in found.reading],
        "limit_per_second": found.limit_per_second,
        "rate_per_second": found.rate_per_second,
        "efficiency": found.efficiency,
        "cores_busy": found.busy,
        "devices_busy": found.device_busy,
        "cpu_time": {str(part): share for part, share in found.spent.items()},
        "judged": found.is_judged,
        "overhead": found.overhead,
        "held_by": found.held_by,
    }
