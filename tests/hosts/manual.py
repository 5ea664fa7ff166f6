"""The documentation's section on several machines: its files and commands, with values."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_SECTION = re.compile(r"^## Run on several machines$(.*?)^## ", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Manual:
    """The code blocks of the section, by the name at each fence."""

    def __init__(self, values: dict[str, str]) -> None:
        """``values``: by placeholder, the values of this site."""
        [section] = _SECTION.findall(_PAGE.read_text(encoding="utf-8"))
        self._blocks: dict[str, str] = dict(_FENCE.findall(section))
        self._values = values

    @property
    def names(self) -> set[str]:
        """Return the names of its files and of the machines that run its commands."""
        return set(self._blocks)

    def text(self, name: str, **more: str) -> str:
        """Return one block. ``more``: further values."""
        text = self._blocks[name]
        for placeholder, value in {**self._values, **more}.items():
            text = text.replace(placeholder, value)
        return text

    def commands(self, name: str, **more: str) -> list[list[str]]:
        """Return the words after ``thoraq`` of each command in a block."""
        found = []
        for line in self.text(name, **more).splitlines():
            command, *words = shlex.split(line, comments=True)
            assert command == "thoraq", line
            found.append(words)
        return found
