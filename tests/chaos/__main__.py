"""Nights full of faults: ``make chaos``. Exit code 1 if the promise was broken."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.archive import write_archive
from tests.chaos.campaign import NightReport, Undisturbed, compare, spend_night


def main() -> int:
    """Spend the nights and print what they came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="nights; even ones on PostgreSQL")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--radiographs", type=int, default=2000, help="sound films a night")
    parser.add_argument("--faults", type=int, default=24, help="faults a night")
    parser.add_argument("--pause", type=float, default=1.6, help="seconds between two faults")
    parser.add_argument("--out", type=Path, default=Path("build/chaos"), help="for the tables")
    asked = parser.parse_args()
    reports: list[NightReport] = []
    slowdowns: list[float] = []
    quiet: dict[bool, Undisturbed] = {}
    with tempfile.TemporaryDirectory(prefix="thoraq-archive-") as folder:
        files = write_archive(Path(folder), asked.radiographs)
        for seed in range(asked.first, asked.first + asked.seeds):
            postgres = seed % 2 == 0
            name = "PostgreSQL" if postgres else "SQLite"
            if postgres not in quiet:
                found, seconds, _ = spend_night(
                    files,
                    postgres=postgres,
                    seed=seed,
                    portions=asked.faults,
                    hurting=False,
                    pause_seconds=asked.pause,
                    tell=_tell,
                )
                quiet[postgres] = Undisturbed(found, seconds)
                _say(f"{name}, undisturbed: {seconds:.0f} s")
            found, seconds, faults = spend_night(
                files,
                postgres=postgres,
                seed=seed,
                portions=asked.faults,
                hurting=True,
                pause_seconds=asked.pause,
                tell=_tell,
            )
            lost, twice, differing, unexplained = compare(files, quiet[postgres], found)
            reports.append(
                NightReport(
                    name, seed, len(files), faults, seconds, lost, twice, differing, unexplained
                )
            )
            slowdowns.append(seconds / quiet[postgres].seconds)
            _say(row(reports[-1], slowdowns[-1]))
    text = table(reports, slowdowns)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "chaos.md").write_text(text, encoding="utf-8")
    said = [fields_of(each, slow) for each, slow in zip(reports, slowdowns, strict=True)]
    (asked.out / "chaos.json").write_text(json.dumps(said, indent=1), encoding="utf-8")
    _say("\n" + text)
    return 0 if all(each.sound for each in reports) else 1


def row(report: NightReport, slowdown: float) -> str:
    """Return a night's line of the table."""
    return (
        f"| {report.seed} | {report.database} | {report.files} | {report.faults.total()} |"
        f" {report.lost} | {report.twice} | {report.differing} | {report.unexplained} |"
        f" {report.seconds:.0f} | {slowdown:.2f} |"
    )


def fields_of(report: NightReport, slowdown: float) -> dict[str, object]:
    """Return a night as JSON holds it."""
    fields = {each.name: getattr(report, each.name) for each in dataclasses.fields(report)}
    return fields | {"faults": dict(report.faults), "slowdown": slowdown}


def table(reports: list[NightReport], slowdowns: list[float]) -> str:
    """Return both tables in Markdown."""
    lines = [
        (
            "| seed | database | files | faults | lost | twice | differing | unexplained |"
            " seconds | slowdown |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
        *(row(each, slow) for each, slow in zip(reports, slowdowns, strict=True)),
    ]
    kinds: Counter[str] = sum((each.faults for each in reports), Counter())
    total = (
        f"{sum(each.files for each in reports)} files, {kinds.total()} faults:"
        f" {sum(each.lost for each in reports)} lost, {sum(each.twice for each in reports)} twice,"
        f" {sum(each.differing for each in reports)} differing"
    )
    lines += ["", total, "", "| fault | times |", "|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {times} |" for name, times in kinds.most_common()]
    return "\n".join(lines) + "\n"


_last = 0.0


def _tell(line: str) -> None:
    """Show how far it is, on a terminal in place, elsewhere now and then."""
    global _last  # noqa: PLW0603 - one process, one terminal
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
    elif time.monotonic() - _last > 20:
        _last = time.monotonic()
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
