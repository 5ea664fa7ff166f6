"""What share of the machine's limit thoraq reaches: ``python -m benchmarks.limit``.

Runs `thoraq bench` on made archives of PNG, JPEG and DICOM, one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.archive import Kind, write_films
from scheduler.cores import usable_cores

_HEAD = ("archive", "files/s", "limit", "reached", "read", "prepare", "predict", "rest")


def row(kind: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the line of one archive; the stages in core-ms a file."""
    core_ms = {each["stage"]: each["core_ms_a_file"] for each in found["stages"]}
    main = [core_ms.pop(name) for name in ("read", "prepare", "predict")]
    return (
        kind,
        f"{found['rate_per_second']:.1f}",
        f"{found['limit_per_second']:.1f}",
        f"{found['efficiency']:.0%}",
        *(f"{ms:.2f}" for ms in (*main, sum(core_ms.values()))),
    )


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limit", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=400, help="files each stage is timed on")
    asked = parser.parse_args()
    kinds = (Kind.PNG, Kind.JPEG, Kind.DICOM)
    with tempfile.TemporaryDirectory(prefix="thoraq-limit-") as place:
        write_films(Path(place), asked.count, kinds, usable_cores())
        print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}")  # noqa: T201
        for kind in kinds:
            bench = [*("bench", str(Path(place) / kind)), *("--sample", str(asked.sample))]
            ran = subprocess.run(
                [sys.executable, "-m", "cli", *bench, "--json"], stdout=subprocess.PIPE, check=True
            )
            print(f"| {' | '.join(row(kind, json.loads(ran.stdout)))} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
