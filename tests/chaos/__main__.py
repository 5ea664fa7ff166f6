"""Nights full of faults: ``make chaos``. Exit code 1 if a file was lost or measured twice."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from testbed.progress_line import ProgressLine
from tests.chaos.archive import write_archive
from tests.chaos.campaign import NightReport, Spent, compare, furthest, spend_night


def main() -> int:
    """Run the nights and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="nights; even ones on PostgreSQL")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--radiographs", type=int, default=2000, help="radiographs per night")
    parser.add_argument("--faults", type=int, default=24, help="faults a night")
    parser.add_argument("--pause", type=float, default=1.6, help="seconds between two faults")
    parser.add_argument("--minutes", type=float, default=15.0, help="limit of the whole campaign")
    parser.add_argument("--database", choices=("postgres", "sqlite", "both"), default="both")
    parser.add_argument(
        "--out", type=Path, default=Path("build/chaos"), help="folder of the tables"
    )
    asked = parser.parse_args()
    began = time.monotonic()
    nights: list[tuple[NightReport, float]] = []
    quiet: dict[bool, Spent] = {}
    with tempfile.TemporaryDirectory(prefix="thoraq-archive-") as folder:
        files = write_archive(Path(folder), asked.radiographs)
        for seed in range(asked.first, asked.first + asked.seeds):
            postgres = seed % 2 == 0 if asked.database == "both" else asked.database == "postgres"
            spend = functools.partial(
                spend_night,
                files,
                postgres=postgres,
                seed=seed,
                portions=asked.faults,
                pause_seconds=asked.pause,
                tell=ProgressLine(),
            )
            name = "PostgreSQL" if postgres else "SQLite"
            if postgres not in quiet:
                quiet[postgres] = spend(hurting=False)
                _say(f"{name}, undisturbed: {quiet[postgres].seconds:.0f} s")
            spent, expected = spend(hurting=True), quiet[postgres]
            report = NightReport(
                name,
                seed,
                len(files),
                spent.faults,
                spent.seconds,
                *compare(files, expected.testimony, spent.testimony),
                left=spent.left,
                owners=spent.owners,
                apart_px=furthest(expected.testimony, spent.testimony),
            )
            nights.append((report, spent.seconds / expected.seconds))
            _say(row(*nights[-1]))
    minutes = (time.monotonic() - began) / 60
    text = table(nights, minutes)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "chaos.md").write_text(text, encoding="utf-8")
    said = [fields_of(report, slowdown) for report, slowdown in nights]
    (asked.out / "chaos.json").write_text(json.dumps(said, indent=1), encoding="utf-8")
    _say("\n" + text)
    return 0 if minutes <= asked.minutes and all(report.sound for report, _ in nights) else 1


def row(report: NightReport, slowdown: float) -> str:
    """Return a night's row of the table."""
    return (
        f"| {report.seed} | {report.database} | {report.files} | {report.faults.total()} |"
        f" {report.lost} | {report.twice} | {report.differing} | {report.unexplained} |"
        f" {report.left} | {report.owners} | {report.seconds:.0f} | {slowdown:.2f} |"
    )


def fields_of(report: NightReport, slowdown: float) -> dict[str, object]:
    """Return a night as values for JSON."""
    fields = {each.name: getattr(report, each.name) for each in dataclasses.fields(report)}
    return fields | {"faults": dict(report.faults), "slowdown": slowdown}


def table(nights: list[tuple[NightReport, float]], minutes: float) -> str:
    """Return both tables in Markdown."""
    lines = [
        (
            "| seed | database | files | faults | lost | twice | differing | unexplained |"
            " left running | new owners | seconds | slowdown |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(row(*night) for night in nights),
    ]
    reports = [report for report, _ in nights]
    kinds: Counter[str] = sum((each.faults for each in reports), Counter())
    total = (
        f"{sum(each.files for each in reports)} files, {kinds.total()} faults:"
        f" {sum(each.lost for each in reports)} lost, {sum(each.twice for each in reports)} twice,"
        f" {sum(each.differing for each in reports)} differing; points differ by at most"
        f" {max(each.apart_px for each in reports):.1e} px from the undisturbed night;"
        f" {minutes:.1f} minutes"
    )
    lines += ["", total, "", "| fault | times |", "|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {times} |" for name, times in kinds.most_common()]
    return "\n".join(lines) + "\n"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
