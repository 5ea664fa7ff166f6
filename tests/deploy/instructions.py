"""Instructions of a Dockerfile, parsed by BuildKit's parser in a separate process.

The parser loads the Go runtime, whose threads and signals would disturb pytest.
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
    """One instruction: its name, its lines, and its arguments."""

    cmd: str
    original: str
    flags: tuple[str, ...]
    value: tuple[str, ...]


def instructions_of(path: Path) -> tuple[Instruction, ...]:
    """Return the instructions of a Dockerfile."""
    ran = subprocess.run(
        [sys.executable, "-c", _PARSE, str(path)], capture_output=True, text=True, check=True
    )
    return tuple(
        Instruction(cmd, original, tuple(flags), tuple(value))
        for cmd, original, flags, value in json.loads(ran.stdout)
    )
