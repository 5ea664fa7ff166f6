"""Hostile files by the thousand: ``make fuzz``. Exit code 1 if a fault was found.

The numbers of a fault make its file again: ``python -m tests.fuzz --only NUMBER --keep DIR``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.campaign import FuzzReport, run_campaign
from tests.fuzz.inputs import kind_of, write_input


def main() -> int:
    """Run the campaign and print what it came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--round", type=int, default=500, help="inputs that lie on disk at once")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="for the tables")
    parser.add_argument("--only", type=int, help="write this one input and end")
    parser.add_argument("--keep", type=Path, default=Path(), help="where to write it")
    asked = parser.parse_args()
    if asked.only is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
        write_input(asked.keep, asked.seed, asked.only, kind_of(asked.seed, asked.only))
        return 0
    report = run_campaign(asked.count, asked.seed, round_size=asked.round, tell=_tell)
    text = table(report)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "fuzz.md").write_text(text, encoding="utf-8")
    (asked.out / "fuzz.json").write_text(
        json.dumps(
            {each.name: getattr(report, each.name) for each in dataclasses.fields(report)}, indent=1
        ),
        encoding="utf-8",
    )
    sys.stdout.write(f"\n{text}")
    return 1 if report.faults else 0


def table(report: FuzzReport) -> str:
    """Return the tables in Markdown."""
    memory = ", ".join(f"{name} {peak:.0f} MB" for name, peak in sorted(report.peak_mb.items()))
    lines = [
        (
            f"{report.inputs} inputs, {report.files} files in {report.seconds:.0f} s:"
            f" {report.worker_crashes} crashes of a worker, {len(report.faults)} faults,"
            f" {report.readers_replaced} reading processes replaced; most memory: {memory}"
        ),
    ]
    for title, counts in (
        ("ending", report.endings),
        ("kind", report.kinds),
        ("code", report.codes),
    ):
        lines += _counted(title, counts)
    lines += ["", *(f"- {fault}" for fault in report.faults[:200])]
    return "\n".join(lines) + "\n"


def _counted(title: str, counts: Counter[str]) -> list[str]:
    rows = [f"| {name} | {count} |" for name, count in counts.most_common()]
    return ["", f"| {title} | files |", "|---|---|", *rows]


_last = 0.0


def _tell(line: str) -> None:
    """Show how far it is."""
    global _last  # noqa: PLW0603 - one process, one terminal
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
    elif time.monotonic() - _last > 20:
        _last = time.monotonic()
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
