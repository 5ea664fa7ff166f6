"""Deliberate faults: an error in a line of the product, and the tests that must detect it.

Each file of ``table/`` is an area, each ``[[fault]]`` one fault: a description, the module, a text
that occurs in it once, its replacement, and the tests.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.house.conftest import ROOT

TABLE = Path(__file__).with_name("table")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``file``: relative to the project; ``tests``: node ids of pytest."""

    area: str
    what: str
    file: str
    original: str
    replacement: str
    tests: tuple[str, ...]


class TextNotFound(Exception):
    """The module does not contain the original text exactly once; update the row of the table."""


def all_faults() -> list[Fault]:
    """Return the whole table, area by area."""
    return [
        Fault(area.stem, tests=tuple(row.pop("tests")), **row)
        for area in sorted(TABLE.glob("*.toml"))
        for row in tomllib.loads(area.read_text(encoding="utf-8"))["fault"]
    ]


def put_in(fault: Fault, root: Path = ROOT) -> str:
    """Return the text of the module with the fault. Raises TextNotFound."""
    path = root / fault.file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = text.count(fault.original)
    if found != 1:
        raise TextNotFound(f"{found} times in {fault.file}")
    return text.replace(fault.original, fault.replacement)
