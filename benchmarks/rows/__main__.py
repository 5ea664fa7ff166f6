"""Speed on a database of a million radiographs: ``python -m benchmarks.rows [--url URL]``.

Fills the tables of a database with finished radiographs, then times the queries of operators and of
a second submission. Times are medians of several tries, memory is the peak of this process.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from benchmarks.rows.waiting_writer import forget_waits, longest_waits
from db import schema
from db.batches import batch_id_of
from db.database import Database, pieces
from db.derivation import recompute
from db.intake import known_files
from db.query.order import parse_order
from db.query.results import count_results, find_results
from db.query.status import all_statuses, batch_status
from db.records import FileStat, ResultFilter
from radiograph.records import Bucket, IctThresholds
from testbed.large_database import BATCH, LATE_BATCH, LATE_MODEL, fill, made_radiographs


def known_per_second(database: Database, count: int) -> float:
    """Look up every file again, a thousand at a time, as a second submission does."""
    stats: dict[str, list[FileStat]] = {BATCH: [], LATE_BATCH: []}
    for made in made_radiographs(range(1, count + 1), count):
        stats[made.batch].append(made.stat)
    with database.read() as connection:
        ids = {name: batch_id_of(connection, name) for name in stats}
    began = time.perf_counter()
    found = sum(
        len(known_files(database, ids[name], some))
        for name, of_batch in stats.items()
        for some in pieces(of_batch, 1000)
    )
    seconds = time.perf_counter() - began
    if found != count:
        raise RuntimeError(f"{found} of {count} files are known")
    return count / seconds


def recomputed_per_second(database: Database) -> tuple[int, float]:
    """Recompute every result; return how many changed, and the rate."""
    lines = IctThresholds()
    gc.freeze()  # as every command does
    began = time.perf_counter()
    counts = list(recompute(database, ResultFilter(), lines))
    seconds = time.perf_counter() - began
    return sum(each.changed for each in counts), sum(each.results for each in counts) / seconds


def median_ms(work: Callable[[], object], times: int = 5) -> float:
    """Return the median time of a few tries."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def asked(database: Database, count: int) -> Iterator[tuple[str, float]]:
    """Time the queries of operators."""
    [middle] = made_radiographs([count // 2], count)
    [late] = made_radiographs([count - 25], count)
    questions: dict[str, dict[str, object]] = {
        "": {},
        "--ict-above 0.6999": {"ict_above": 0.6999},
        "--ict-above 0.69": {"ict_above": 0.69},
        "--ict-below 0.3001": {"ict_below": 0.3001},
        "--ict-above 0.9": {"ict_above": 0.9},
        "--bucket unrated": {"bucket": Bucket.UNRATED},
        "--bucket good": {"bucket": Bucket.GOOD},
        "--bucket good --ict-above 0.6999": {"bucket": Bucket.GOOD, "ict_above": 0.6999},
        "--since LATE": {"since": late.measured_at},
        "--study-from 2024-08-01": {"study_date_from": date(2024, 8, 1)},
        "--study-from 2012-01-01": {"study_date_from": date(2012, 1, 1)},
        "--patient ID": {"patient": middle.patient},
        "--study PATH": {"study": middle.stat.path},
        "--study UID": {"study": middle.study_uid},
        "--measured-by LATE": {"model": LATE_MODEL},
        f"--batch {BATCH}": {"batch": BATCH},
        f"--batch {LATE_BATCH}": {"batch": LATE_BATCH},
    }

    def twenty(**wanted: object) -> Callable[[], object]:
        chosen = ResultFilter(limit=20, **wanted)  # type: ignore[arg-type]
        return lambda: list(find_results(database, chosen))

    for options, wanted in questions.items():
        yield " ".join(["results", *options.split(), "--limit 20"]), median_ms(twenty(**wanted))
    for column in ("ict:desc", "measured_at:desc", "study_date:desc", "path"):
        order = parse_order(column)
        first = partial(find_results, database, ResultFilter(limit=20), order)
        yield f"results --sort {column} --limit 20", median_ms(partial(_all, first))
    good = ResultFilter(bucket=Bucket.GOOD)
    yield "count of one bucket", median_ms(lambda: count_results(database, good))
    yield "status BATCH", median_ms(lambda: batch_status(database, BATCH))
    yield "status", median_ms(lambda: all_statuses(database))


def _all(found: Callable[[], Iterator[object]]) -> list[object]:
    return list(found())


def show_progress(line: str) -> None:
    """Show progress."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database; default: SQLite in a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="thoraq-rows-") as place:
        url = options.url or f"sqlite:///{Path(place) / 'thoraq.db'}"
        schema.upgrade(url)
        database = Database.open(url)
        for written in fill(database, options.count):
            show_progress(f"{written} of {options.count} radiographs")
        rate = known_per_second(database, options.count)
        print(f"| {options.count} radiographs | |")  # noqa: T201
        print("|---|---|")  # noqa: T201
        print(f"| known files | {rate:,.0f}/s |")  # noqa: T201
        for name, milliseconds in asked(database, options.count):
            print(f"| {name} | {milliseconds:.1f} ms |")  # noqa: T201
        for name, seconds, waited in longest_waits(url):
            print(f"| {name} of {BATCH}; another writer waits | {seconds:.1f} s; {waited:.2f} s |")  # noqa: T201
        for again in (False, True):  # ages are unknown: all lose their line, then none changes
            changed, rate = recomputed_per_second(database)
            print(f"| recompute{' again' * again}, {changed} changed | {rate:,.0f}/s |")  # noqa: T201
        seconds, waited = forget_waits(url)
        print(f"| forget {BATCH}; another writer waits | {seconds:.1f} s; {waited:.2f} s |")  # noqa: T201
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| peak memory of this process | {peak:.0f} MB |")  # noqa: T201
        database.dispose()


if __name__ == "__main__":
    main()
