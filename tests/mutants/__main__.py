"""Deliberate faults that the tests must detect: ``make mutants``.

Exit code 1 if one was not detected, or a row of the table no longer matches the code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence

from tests.mutants.campaign import NamedTestsFail, Tried, Verdict, run_campaign
from tests.mutants.faults import all_faults

_OUTPUT_LINES = 15


def main() -> int:
    """Run the campaign and print its results."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="faults whose area, file or text holds this")
    parser.add_argument("--at-once", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--unsound", action="store_true", help="try no test without a fault first")
    arguments = parser.parse_args()
    faults = [
        each for each in all_faults() if arguments.only in f"{each.area} {each.file} {each.what}"
    ]
    sys.stdout.write(f"{len(faults)} faults; their tests without any of them come first\n")
    try:
        tried = run_campaign(faults, arguments.at_once, _print, sound=not arguments.unsound)
    except NamedTestsFail as exc:
        sys.stdout.write(f"{exc}\n")
        return 1
    sys.stdout.write(f"\n{table(tried)}")
    fine = {Verdict.NOTICED, Verdict.SKIPPED}
    return 0 if all(each.verdict in fine for each in tried) else 1


def table(tried: Sequence[Tried]) -> str:
    """Return the counts by area in Markdown, and the faults not detected."""
    lines = ["| area | " + " | ".join(Verdict) + " |", "|---|" + "---|" * len(Verdict)]
    counts = Counter((each.fault.area, each.verdict) for each in tried)
    areas = sorted({each.fault.area for each in tried})
    lines += [
        f"| {area} | " + " | ".join(str(counts[area, each]) for each in Verdict) + " |"
        for area in areas
    ]
    lines.append("")
    for each in tried:
        if each.verdict is not Verdict.NOTICED:
            fault = each.fault
            lines.append(f"{each.verdict}: {fault.area}: {fault.what} ({fault.file})")
            lines += [f"    {line}" for line in fault.original.splitlines()]
    noticed = sum(each.verdict is Verdict.NOTICED for each in tried)
    lines.append(f"{noticed} of {len(tried)} faults noticed")
    return "\n".join(lines) + "\n"


def _print(tried: Tried) -> None:
    fault = tried.fault
    line = f"{tried.verdict:14} {tried.seconds:5.1f} s  {fault.area}: {fault.what} ({fault.file})\n"
    if tried.verdict is not Verdict.NOTICED:
        output = tried.output.splitlines()[-_OUTPUT_LINES:]
        line += "".join(f"    | {each}\n" for each in output)
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
