"""One chest in every encoding: ``make encodings``. Exit code 1 if one was read wrongly."""

from __future__ import annotations

import sys

from tests.encodings.encoding import outcome_of
from tests.encodings.matrix import all_encodings, tabulated


def main() -> int:
    """Read every encoding and print the table."""
    table, kinds = tabulated(all_encodings(), outcome_of)
    sys.stdout.write("\n".join([*table.lines(kinds), "", *table.faults]).rstrip() + "\n")
    return 1 if table.faults else 0


if __name__ == "__main__":
    sys.exit(main())
