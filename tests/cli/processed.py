"""The archive of the documentation after its first command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.commands import Commands
from tests.docs.transcript import World


@dataclass(frozen=True, slots=True)
class Processed:
    """The archive of the documentation after its first command."""

    world: World
    commands: Commands
    printed: str

    @property
    def archive(self) -> Path:
        """Return the measured folder."""
        return self.world.folder / "archive"

    @property
    def truth(self) -> Path:
        """Return the table with the expected outcome of each file."""
        return self.world.folder / "truth.csv"
