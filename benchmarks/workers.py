"""Scaling with cores, with a worker on each: ``python -m benchmarks.workers``.

Measures one archive by `thoraq process` on one core, then on all, in turn: each core has a worker
with its reading process, and upkeep, broker and command share the cores. The rate is taken in the
middle of a run: workers start one after the other, and so do their last chunks end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from statistics import median

from sqlalchemy import select

from benchmarks.archives import Kind, write_archives
from db.database import Database
from db.tables import job
from scheduler.cores import usable_cores
from scheduler.settings import Settings, child_environment

#: The part of the files for which the rate is taken.
_FROM, _TO = 0.2, 0.8


def rate(archive: Path, cores: Iterable[int], device: str = "auto", **changes: int) -> float:
    """Return the files per second of a run on these cores; ``changes``: of the settings."""
    with tempfile.TemporaryDirectory(prefix="thoraq-workers-") as place:
        settings = Settings(state=Path(place), database_url=None, broker_url=None)
        settings = settings.model_copy(update=changes)
        process = ["process", str(archive), "--state", place, "--device", device]
        subprocess.run(
            [sys.executable, "-m", "cli", *process],
            env=child_environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            check=True,
        )
        database = Database.open(settings.database)
        with database.read() as connection:
            settled: list[datetime] = sorted(connection.scalars(select(job.c.settled_at)))
        database.dispose()
    first, last = (int(share * (len(settled) - 1)) for share in (_FROM, _TO))
    # Chunks are stored as a whole: from the end of one to the end of another.
    while last < len(settled) - 1 and settled[last] == settled[last + 1]:
        last += 1
    while settled[first] == settled[first + 1]:
        first += 1
    return (last - first) / (settled[last] - settled[first]).total_seconds()


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="the archive to measure; created if missing")
    asked = parser.parse_args()
    every = sorted(os.sched_getaffinity(0))
    rounds = []
    with tempfile.TemporaryDirectory(prefix="thoraq-workers-") as place:
        if asked.archive is None:
            write_archives(Path(place), asked.count, (Kind.PNG,), usable_cores())
        archive = asked.archive or Path(place) / Kind.PNG
        for number in range(asked.rounds):
            one, all_of_them = rate(archive, every[:1]), rate(archive, every)
            rounds.append((one, all_of_them, all_of_them / one))
            sys.stderr.write(f"round {number + 1}: {one:.1f}/s, {all_of_them:.1f}/s\n")
    ones, alls, ratios = zip(*rounds, strict=True)
    print("| workers, one per core | files/s | times one |")  # noqa: T201
    print("|---|---|---|")  # noqa: T201
    print(f"| 1 | {median(ones):.1f} | 1 |")  # noqa: T201
    print(f"| {len(every)} | {median(alls):.1f} | {median(ratios):.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
