"""Hostile files by the thousand: ``make fuzz``. Exit code 1 if a fault was found.

A fault's file can be written again: ``python -m tests.fuzz --only NUMBER --keep DIR``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from testbed.progress_line import ProgressLine
from tests.fuzz.campaign import run_campaign
from tests.fuzz.inputs import kind_of, write_input


def main() -> int:
    """Run the campaign and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--round", type=int, default=500, help="inputs per round")
    parser.add_argument("--postgres", action="store_true", help="use PostgreSQL instead of SQLite")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="folder of the tables")
    parser.add_argument("--only", type=int, help="only write this input")
    parser.add_argument("--keep", type=Path, default=Path(), help="where to write it")
    asked = parser.parse_args()
    if asked.only is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
        write_input(asked.keep, asked.seed, asked.only, kind_of(asked.seed, asked.only))
        return 0
    report = run_campaign(
        asked.count,
        asked.seed,
        round_size=asked.round,
        tell=ProgressLine(),
        postgres=asked.postgres,
    )
    text = report.table()
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "fuzz.md").write_text(text, encoding="utf-8")
    (asked.out / "fuzz.json").write_text(json.dumps(report.as_json(), indent=1), encoding="utf-8")
    sys.stdout.write(f"\n{text}")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
