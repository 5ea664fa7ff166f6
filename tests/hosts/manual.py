"""The page's section on several machines: its files and commands, with values filled in."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_SECTION = re.compile(r"^## Run on several machines$(.*?)^## ", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Manual:
    """What the section says, by the name beside each fence."""

    def __init__(self, values: dict[str, str]) -> None:
        """Read it; ``values``: what stands there for what each site has of its own."""
        [section] = _SECTION.findall(_PAGE.read_text(encoding="utf-8"))
        self._blocks: dict[str, str] = dict(_FENCE.findall(section))
        self._values = values

    @property
    def names(self) -> set[str]:
        """Names of its files and of those who run its commands."""
        return set(self._blocks)

    def text(self, name: str, **more: str) -> str:
        """Return one block. ``more``: values that were not known before."""
        text = self._blocks[name]
        for placeholder, value in {**self._values, **more}.items():
            text = text.replace(placeholder, value)
        return text

    def commands(self, name: str, **more: str) -> list[list[str]]:
        """Return the words after ``thoraq`` of each command of one block."""
        found = []
        for line in self.text(name, **more).splitlines():
            command, *words = shlex.split(line, comments=True)
            assert command == "thoraq", line
            found.append(words)
        return found
