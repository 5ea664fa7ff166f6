"""One chest in every encoding: ``make encodings``. Exit code 1 if one is read wrongly."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from tests.encodings.encoding import outcome_of
from tests.encodings.matrix import all_encodings, tabulated
from tests.encodings.second_opinion import opinions


def main() -> int:
    """Read every encoding, print the table, and compare with GDCM where installed."""
    encodings = all_encodings()
    table, kinds = tabulated(encodings, outcome_of)
    sys.stdout.write("\n".join([*table.lines(kinds), "", *table.faults]).rstrip() + "\n")
    unexplained: list[str] = []
    if find_spec("gdcm") is not None:
        found, unexplained = opinions(encodings)
        counts = ", ".join(f"{count} {answer}" for answer, count in found.most_common())
        sys.stdout.write("\n".join([f"\nGDCM: {counts}", *unexplained]) + "\n")
    return 1 if table.faults or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
