"""The archive of the pages after its first command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.commands import Commands
from tests.docs.transcript import World


@dataclass(frozen=True, slots=True)
class Processed:
    """The archive of the pages after its first command."""

    world: World
    commands: Commands
    printed: str

    @property
    def archive(self) -> Path:
        """The folder that was measured."""
        return self.world.folder / "archive"

    @property
    def truth(self) -> Path:
        """The table of how each of its files must end."""
        return self.world.folder / "truth.csv"
