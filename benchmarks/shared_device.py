"""Several workers on one accelerator: ``python -m benchmarks.shared_device --device cuda:0``.

Measures one archive by `thoraq process` with each number of workers, in turn. The rate is taken in
the middle of a run, as in ``benchmarks.workers``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.archives import Kind, write_archives
from benchmarks.variants import write_variants
from benchmarks.workers import rate
from scheduler.cores import usable_cores


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_device", description=__doc__)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.PNG)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument(
        "--originals", type=int, default=1000, help="radiographs of which the files are variants"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="the files to measure; created if missing")
    asked = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    rates: dict[int, list[float]] = {each: [] for each in asked.workers}
    with tempfile.TemporaryDirectory(prefix="thoraq-sharing-") as place:
        archive = asked.archive or Path(place) / "archive"
        if not archive.exists():
            write_archives(Path(place), asked.originals, (asked.kind,), usable_cores())
            write_variants(Path(place) / asked.kind, archive, asked.kind, asked.count)
        for number in range(asked.rounds):
            for workers in asked.workers:
                found = rate(archive, cores, device=asked.device, device_workers=workers)
                rates[workers].append(found)
                sys.stderr.write(f"round {number + 1}, {workers} workers: {found:.1f}/s\n")
    print("| workers on the device | files/s | times the first |")  # noqa: T201
    print("|---|---|---|")  # noqa: T201
    first = median(next(iter(rates.values())))
    for workers, some in rates.items():
        print(f"| {workers} | {median(some):.1f} | {median(some) / first:.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
