"""What a second core with its worker adds: ``python -m benchmarks.workers``.

Measures one archive by `thoraq process` on one core, then on all, in turn: each core has a worker
with its reading process, and the upkeep, the broker and the command share them. The rates run from
the first claim to the last result.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks.peers.archive import Kind, write_films
from db.database import Database
from db.status import all_statuses
from scheduler.cores import usable_cores
from scheduler.settings import Settings


def rate(films: Path, cores: Iterable[int]) -> float:
    """Return the files a second of one run on the named cores."""
    with tempfile.TemporaryDirectory(prefix="thoraq-workers-") as place:
        subprocess.run(
            [sys.executable, "-m", "cli", "process", str(films), "--state", place],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            check=True,
        )
        database = Database.open(Settings(state=Path(place)).database)
        [status] = all_statuses(database)
        database.dispose()
    if status.first_claimed_at is None or status.last_settled_at is None:
        raise SystemExit("nothing was measured")
    return status.settled / (status.last_settled_at - status.first_claimed_at).total_seconds()


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--films", type=Path, help="an archive to measure; made where absent")
    asked = parser.parse_args()
    every = sorted(os.sched_getaffinity(0))
    rounds = []
    with tempfile.TemporaryDirectory(prefix="thoraq-workers-") as place:
        if asked.films is None:
            write_films(Path(place), asked.count, (Kind.PNG,), usable_cores())
        films = asked.films or Path(place) / Kind.PNG
        for number in range(asked.rounds):
            one, all_of_them = rate(films, every[:1]), rate(films, every)
            rounds.append((one, all_of_them, all_of_them / one))
            sys.stderr.write(f"round {number + 1}: {one:.1f}/s, {all_of_them:.1f}/s\n")
    ones, alls, ratios = zip(*rounds, strict=True)
    print("| workers, a core each | files/s | times one |")  # noqa: T201
    print("|---|---|---|")  # noqa: T201
    print(f"| 1 | {median(ones):.1f} | 1 |")  # noqa: T201
    print(f"| {len(every)} | {median(alls):.1f} | {median(ratios):.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
