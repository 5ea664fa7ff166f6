"""`thoraq bench`."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.bench.picture import draw_bench
from benchmarks.bench.records import Bench, Stage
from benchmarks.bench.run import run_bench
from benchmarks.bench.verdict import verdict
from cli.options import Count, Paths, settings_option
from cli.out_option import PictureFile, out_option
from cli.output.printing import Row, print_json, print_table, say
from cli.output.progress import BatchProgress
from cli.output.vocabulary import FORMER
from db.database import Database
from db.records import Batch, BatchStatus
from radiograph.phantom.archive import SMALLEST_COUNT
from results.picture_file import picture_file
from scheduler.batch_run import run_batch
from scheduler.checkup.absence import no_broker
from scheduler.local_processes import workers_devices
from scheduler.settings import Settings


@click.command()
@click.argument("folder", required=False, type=Paths(exists=True, file_okay=False))
@click.option(
    "--count",
    type=Count(min=SMALLEST_COUNT),
    default=400,
    show_default=True,
    help="radiographs in the generated archive",
)
@click.option(
    "--sample",
    type=Count(min=1),
    default=200,
    show_default=True,
    help="files on which each stage is timed",
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
    """Benchmark this machine and show what limits it.

    Times each stage alone on a sample of FOLDER, or of a generated archive, before and after
    measuring the whole folder in a temporary state folder. Derives the limit from the stage times
    and compares it with the measured rate. The limit is the rate of the cores if no stage ever
    waited for another; on an accelerator also the rate of the device alone. Stores nothing.

    \b
    Example:
      thoraq bench /archive/2024/03 --out bench.png
    """

    def measure_folder(
        database: Database, measured: Path, batch: Batch, own: Settings
    ) -> BatchStatus:
        with BatchProgress(lambda: no_broker(own)) as progress:
            return run_batch(
                database, [measured], batch, own, progress=progress, device=device
            ).status

    found = run_bench(
        folder,
        settings,
        measure_folder,
        devices=workers_devices(settings, device),
        sample=sample,
        count=count,
    )
    summary = verdict(found)
    if out is not None:
        with picture_file(out) as file:
            draw_bench(file, summary, found)
    if as_json:
        print_json(bench_json(found))
        return
    print_table(
        [{**stage_row(each), "share": f"{each.share:.1%}"} for each in found.stages], more="--json"
    )
    say()
    print_table([reading_row(*each) for each in found.reading], more="--json")
    say()
    say(f"DICOM and FHIR objects of a radiograph take {found.objects_core_ms:.1f} ms of one core")
    for line in summary.splitlines():
        say(line)
    if out is not None:
        say(f"picture   {out}")


def stage_row(stage: Stage) -> Row:
    """Return the row of a stage."""
    return {
        "stage": stage.name,
        "core_ms_per_file": round(stage.core_ms, 2),
        "files_per_core_s": round(1000 / stage.core_ms) if stage.core_ms else None,
        "share": round(stage.share, 4),
    }


def reading_row(kind: str, files: int, core_ms: float) -> Row:
    """Return the row of a transfer syntax or format."""
    return {
        "read": kind,
        "files": files,
        "core_ms_per_file": round(core_ms, 2),
        "files_per_core_s": round(1000 / core_ms) if core_ms else None,
    }


def with_former(row: Row) -> dict[str, object]:
    """Return a row with its values under their former keys too."""
    return {**row, **{old: row[new] for old, new in FORMER.items() if new in row}}


def bench_json(found: Bench) -> dict[str, object]:
    """Return a benchmark with stable keys."""
    return {
        "device": found.device,
        "cores": found.cores,
        "files": found.files,
        "stages": [with_former(stage_row(each)) for each in found.stages],
        "reading": [with_former(reading_row(*each)) for each in found.reading],
        "limit_per_second": found.limit_per_second,
        "rate_per_second": found.rate_per_second,
        "efficiency": found.efficiency,
        "cores_busy": found.busy,
        "devices_busy": found.device_busy,
        "cpu_time": {str(part): share for part, share in found.spent.items()},
        "judged": found.is_judged,
        "overhead": found.overhead,
        "held_by": found.held_by,
        "objects_core_ms": found.objects_core_ms,
    }
