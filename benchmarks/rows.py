"""What a database of a million films costs: ``python -m benchmarks.rows [--url URL]``.

Fills a database with finished films through the tables themselves, then times what an operator and
a second submission ask of it. Times are medians of several tries, memory is this process's peak.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import insert

from db import schema
from db.columns import path_digest
from db.database import Database, pieces
from db.intake import known_files, open_batch
from db.models import register_model
from db.records import FileStat, ResultFilter
from db.results import count_results, find_results
from db.rows import measurement_columns
from db.states import JobState, Priority
from db.status import all_statuses, batch_status
from db.tables import file, job, measurement, radiograph
from db.tally import fold
from radiograph.records import Bucket, ImageFormat, View
from tests.db.making import MODEL, START, provenance
from tests.db.making import measurement as film_measured

_BLOCK = 20_000


def fill(database: Database, count: int) -> int:
    """Write finished films; return their batch."""
    register_model(database, MODEL, "a" * 64, {}, serve=True)
    batch = open_batch(database, "night", Priority.ROUTINE)
    of = measurement_columns(film_measured(), provenance())
    buckets = list(Bucket)
    for numbers in pieces(range(1, count + 1), _BLOCK):
        films = stats_of(numbers)
        with database.write() as connection:
            connection.execute(
                insert(radiograph),
                [
                    {
                        "id": n,
                        "sha256": f"{n:064x}",
                        "format": ImageFormat.DICOM,
                        "path": stat.path,
                        "size": stat.size,
                        "view": View.PA,
                        "frames": 1,
                        "created_at": START,
                    }
                    for n, stat in zip(numbers, films, strict=True)
                ],
            )
            connection.execute(
                insert(job),
                [
                    {
                        "id": n,
                        "radiograph_id": n,
                        "model_version": MODEL,
                        "state": JobState.MEASURED,
                        "priority": Priority.ROUTINE,
                        "attempts": 1,
                        "transient_refusals": 0,
                        "alone_crashes": 0,
                        "first_claimed_at": START,
                        "settled_at": START,
                    }
                    for n in numbers
                ],
            )
            connection.execute(
                insert(file),
                [
                    {
                        "batch_id": batch.id,
                        "path": stat.path,
                        "path_digest": path_digest(stat.path),
                        "size": stat.size,
                        "mtime_ns": stat.mtime_ns,
                        "sha256": f"{n:064x}",
                        "radiograph_id": n,
                        "job_id": n,
                        "duplicate": False,
                        "seen_at": START,
                    }
                    for n, stat in zip(numbers, films, strict=True)
                ],
            )
            connection.execute(
                insert(measurement),
                [
                    of
                    | {
                        "radiograph_id": n,
                        "model_version": MODEL,
                        "measured_at": START,
                        "bucket": buckets[n % len(buckets)] if n % 1000 else Bucket.REVIEW,
                        "ict": 0.3 + (n % 40_000) / 100_000,
                    }
                    for n in numbers
                ],
            )
        fold(database)  # a submission does so by itself
        tell(f"{numbers[-1]} of {count} films")
    return batch.id


def stats_of(numbers: range) -> list[FileStat]:
    """Name some files of the archive."""
    return [FileStat(f"/archive/{n // 1000:04}/{n:07}.dcm", 1000, n) for n in numbers]


def known_per_second(database: Database, batch: int, count: int) -> float:
    """Ask for every file once more, a thousand at a time, as a second submission does."""
    began = time.perf_counter()
    found = 0
    for numbers in pieces(range(1, count + 1), 1000):
        found += len(known_files(database, batch, stats_of(numbers)))
    if found != count:
        raise RuntimeError(f"{found} of {count} files are known")
    return count / (time.perf_counter() - began)


def median_ms(work: Callable[[], object], times: int = 5) -> float:
    """Return the median of a few tries."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def asked(database: Database, count: int) -> Iterator[tuple[str, float]]:
    """Time what operators ask."""
    [middle] = stats_of(range(count // 2, count // 2 + 1))

    def twenty(**wanted: object) -> Callable[[], object]:
        chosen = ResultFilter(limit=20, **wanted)  # type: ignore[arg-type]
        return lambda: list(find_results(database, chosen))

    yield "results --limit 20", median_ms(twenty())
    yield "results --ict-above 0.6999", median_ms(twenty(ict_above=0.6999))
    yield "results --bucket review", median_ms(twenty(bucket=Bucket.REVIEW))
    yield "results --study PATH", median_ms(twenty(study=middle.path))
    review = ResultFilter(bucket=Bucket.REVIEW)
    yield "count of one bucket", median_ms(lambda: count_results(database, review))
    yield "status BATCH", median_ms(lambda: batch_status(database, "night"))
    yield "status", median_ms(lambda: all_statuses(database))


def tell(line: str) -> None:
    """Show how far it is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database; SQLite in a folder of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="thoraq-rows-") as place:
        url = options.url or f"sqlite:///{Path(place) / 'thoraq.db'}"
        schema.upgrade(url)
        database = Database.open(url)
        batch = fill(database, options.count)
        rate = known_per_second(database, batch, options.count)
        print(f"| {options.count} films | |")  # noqa: T201
        print("|---|---|")  # noqa: T201
        print(f"| known files | {rate:,.0f}/s |")  # noqa: T201
        for name, milliseconds in asked(database, options.count):
            print(f"| {name} | {milliseconds:.1f} ms |")  # noqa: T201
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| peak memory of this process | {peak:.0f} MB |")  # noqa: T201
        database.dispose()


if __name__ == "__main__":
    main()
