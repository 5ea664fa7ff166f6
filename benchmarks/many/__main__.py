"""Run the simulations, print the tables, draw the chart."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import benchmarks.many
from benchmarks.many import share, tables
from benchmarks.many.picture import draw
from benchmarks.many.records import Asked, Found
from benchmarks.many.simulation import simulate
from benchmarks.many.stand import servers


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many")
    parser.description = benchmarks.many.__doc__
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--chunks", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--files", type=int, default=10_000, help="files per simulation")
    parser.add_argument("--pace-ms", type=float, default=4000.0, help="work per chunk, last table")
    parser.add_argument(
        "--no-share", action="store_true", help="do not time reading and predicting"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a chart (PNG)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="thoraq-many-") as place, servers(Path(place)) as both:

        def run(some: Sequence[Asked]) -> Iterator[Found]:
            for each in some:
                show_progress(f"{each.workers} workers, {each.chunk_size} files per chunk")
                yield simulate(each, *both)

        runs = list(run([Asked(workers, asked.files) for workers in asked.workers]))
        sizes = list(run([Asked(4, asked.files, size) for size in asked.chunks]))
        # Like real workers: a parent and a child each.
        [forked] = run([Asked(2, asked.files, pool="prefork")])
        most = max(asked.workers)
        [paced] = run([Asked(most, asked.files, wait_ms=asked.pace_ms)])
    for line in report(runs, sizes, forked, paced, with_share=not asked.no_share):
        print(line)  # noqa: T201
    if asked.out is not None:
        draw(asked.out, runs, sizes)


def report(
    runs: Sequence[Found],
    sizes: Sequence[Found],
    forked: Found,
    paced: Found,
    *,
    with_share: bool,
) -> Iterator[str]:
    """Yield the tables. Raises RuntimeError if a file was lost or settled twice."""
    for each in (*runs, *sizes, forked, paced):
        check(each)
    yield tables.markdown(tables.RUN_HEAD, [tables.run_row(each) for each in runs])
    yield "\nBy files per chunk:\n"
    yield tables.markdown(tables.RUN_HEAD, [tables.run_row(each) for each in sizes])
    yield "\nWorkers with a child process, as in `thoraq worker`:\n"
    yield tables.markdown(tables.RUN_HEAD, [tables.run_row(forked)])
    asked = paced.asked
    offered = 1000 * asked.workers * asked.chunk_size / asked.wait_ms
    yield f"\nWith {asked.wait_ms:.0f} ms of work per chunk, for at most {offered:,.0f} files/s:\n"
    yield tables.markdown(tables.RUN_HEAD, [tables.run_row(paced)])
    yield "\nCeilings:\n"
    yield tables.markdown(tables.CEILING_HEAD, tables.ceiling_rows(runs[-1]))
    yield ""
    yield tables.markdown(tables.WAIT_HEAD, tables.wait_rows(runs[-1]))
    if with_share:
        show_progress("reading and predicting")
        yield "\nCompared with the work itself:\n"
        yield tables.markdown(share.HEAD, share.share_rows(forked))


def check(found: Found) -> None:
    """Check that every file was settled exactly once. Raises RuntimeError."""
    counted = (found.settled, found.measurements, found.stored)
    if counted != (found.asked.files,) * 3 or found.most_attempts != 1:
        raise RuntimeError(f"{found.asked}: {counted}, {found.most_attempts} attempts at most")


def show_progress(line: str) -> None:
    """Show progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
