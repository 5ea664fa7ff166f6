"""The share of the machine's limit that thoraq reaches: ``python -m benchmarks.limit``.

Runs `thoraq bench` on synthetic archives of PNG, JPEG and DICOM, in turn, and prints the medians of
the rounds: a shared machine's speed changes from minute to minute.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.archives import Kind, write_archives
from scheduler.cores import usable_cores

_KINDS = (Kind.PNG, Kind.JPEG, Kind.DICOM)
_MAIN = ("read", "prepare", "predict")
_HEAD = ("archive", "files/s", "limit", "reached", *_MAIN, "rest", "queue and database")


def figures(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the columns of one bench; the stages in core-ms per file."""
    core_ms = {each["stage"]: each["core_ms_per_file"] for each in found["stages"]}
    main = {name: core_ms.pop(name) for name in _MAIN}
    return {
        "files/s": found["rate_per_second"],
        "limit": found["limit_per_second"],
        "reached": found["efficiency"],
        **main,
        "rest": sum(core_ms.values()),
        "queue and database": found["overhead"],
    }


def row(kind: str, rounds: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Return the row of an archive: medians, and the range of its share."""
    middle = {name: median(each[name] for each in rounds) for name in rounds[0]}
    shares = [each["reached"] for each in rounds]
    return (
        kind,
        *(f"{middle[name]:.1f}" for name in ("files/s", "limit")),
        f"{middle['reached']:.0%} ({min(shares):.0%} to {max(shares):.0%})",
        *(f"{middle[name]:.2f}" for name in (*_MAIN, "rest")),
        f"{middle['queue and database']:.1%}",
    )


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limit", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=400, help="files to time each stage on")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--archives", type=Path, help="folder to create the archives in and keep them"
    )
    asked = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in _KINDS}
    with tempfile.TemporaryDirectory(prefix="thoraq-limit-") as place:
        archives = asked.archives or Path(place)
        archives.mkdir(parents=True, exist_ok=True)
        if any(sum(1 for _ in archives.glob(f"{kind}/*")) != asked.count for kind in _KINDS):
            write_archives(archives, asked.count, _KINDS, usable_cores())
        for number in range(asked.rounds):
            for kind in _KINDS:
                bench = [*("bench", str(archives / kind)), *("--sample", str(asked.sample))]
                ran = subprocess.run(
                    [sys.executable, "-m", "cli", *bench, "--json"],
                    stdout=subprocess.PIPE,
                    check=True,
                )
                found[kind].append(figures(json.loads(ran.stdout)))
                line = f"round {number + 1}: {' | '.join(row(kind, found[kind][-1:]))}\n"
                sys.stderr.write(line)
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}")  # noqa: T201
    for kind in _KINDS:
        print(f"| {' | '.join(row(kind, found[kind]))} |")  # noqa: T201


if __name__ == "__main__":
    main()
