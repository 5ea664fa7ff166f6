"""The instructions of a Dockerfile, parsed by BuildKit's own parser in a process of its own.

The parser brings Go's runtime, whose threads and signals a process that runs tests is spared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_PARSE = """
import dockerfile, json, sys
names = ("cmd", "original", "flags", "value")
found = dockerfile.parse_file(sys.argv[1])
print(json.dumps([[getattr(each, name) for name in names] for each in found]))
"""


class Instruction(NamedTuple):
    """One instruction: its name, its lines, and what follows the name."""

    cmd: str
    original: str
    flags: tuple[str, ...]
    value: tuple[str, ...]


def instructions_of(path: Path) -> tuple[Instruction, ...]:
    """Parse a Dockerfile."""
    ran = subprocess.run(
        [sys.executable, "-c", _PARSE, str(path)], capture_output=True, text=True, check=True
    )
    return tuple(
        Instruction(cmd, original, tuple(flags), tuple(value))
        for cmd, original, flags, value in json.loads(ran.stdout)
    )
