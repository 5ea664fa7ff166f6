"""Runs the commands of a JSON file in sequence: ``python -m tests.cli.in_turn``."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from cli.main import thoraq


def main() -> None:
    """Run every command, whatever its exit code."""
    for words in json.loads(Path(sys.argv[1]).read_text(encoding="ascii")):
        for stream in (sys.stdout, sys.stderr):
            stream.write(f"\n== {words!a}\n")
            stream.flush()
        with contextlib.suppress(SystemExit):
            thoraq(words, prog_name="thoraq")


if __name__ == "__main__":
    main()
