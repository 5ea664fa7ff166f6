"""Write a demonstration archive: ``python -m radiograph.phantom FOLDER --count 200 --seed 42``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from radiograph.phantom.archive import SMALLEST_COUNT, write_archive


def main() -> int:
    """Write the archive and print a summary."""
    parser = argparse.ArgumentParser(prog="python -m radiograph.phantom", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to write; truth.csv is written beside it")
    parser.add_argument("--count", type=int, default=200, help=f"files, at least {SMALLEST_COUNT}")
    parser.add_argument("--seed", type=int, default=42, help="the same seed gives the same bytes")
    arguments = parser.parse_args()
    # The progress line is for terminals; a log gets the summary only.
    live = sys.stderr.isatty()

    def progress(written: int, count: int) -> None:
        if live:
            sys.stderr.write(f"\r{written} of {count} files")

    try:
        truth = write_archive(arguments.folder, arguments.count, arguments.seed, progress)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    total = len(truth.files)
    parts = ", ".join(f"{number} {ending}" for ending, number in truth.counts.items())
    sys.stderr.write("\r" if live else "")
    sys.stdout.write(f"{total} files in {truth.folder}: {parts} (truth: {truth.table})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
