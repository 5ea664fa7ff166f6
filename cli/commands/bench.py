"""`thoraq bench`."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.bench.picture import draw_bench
from benchmarks.bench.records import FEWEST_JUDGED, Bench, Stage
from benchmarks.bench.run import run_bench
from cli.options import Count, Paths, settings_option
from cli.out_option import PictureFile, out_option
from cli.output.absences import no_broker
from cli.output.printing import Row, print_json, print_table, say
from cli.output.progress import BatchProgress
from cli.output.vocabulary import FORMER
from db.database import Database
from db.records import Batch, BatchStatus
from radiograph.phantom.archive import SMALLEST_COUNT
from results.picture_file import picture_file
from scheduler.batch_run import run_batch
from scheduler.local_processes import workers_devices
from scheduler.settings import Settings


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


def stage_row(stage: Stage) -> Row:
    """Return a stage's line."""
    return {
        "stage": stage.name,
        "core_ms_per_file": round(stage.core_ms, 2),
        "files_per_core_s": round(1000 / stage.core_ms) if stage.core_ms else None,
        "share": round(stage.share, 4),
    }


def reading_row(kind: str, files: int, core_ms: float) -> Row:
    """Return the line of a transfer syntax or format."""
    return {
        "read": kind,
        "files": files,
        "core_ms_per_file": round(core_ms, 2),
        "files_per_core_s": round(1000 / core_ms) if core_ms else None,
    }


def with_former(row: Row) -> dict[str, object]:
    """Return a row with the former names of its keys beside them."""
    return {**row, **{old: row[new] for old, new in FORMER.items() if new in row}}


def bench_json(found: Bench) -> dict[str, object]:
    """Return a bench with stable keys."""
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
