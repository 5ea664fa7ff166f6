"""An archive of radiographs with measurements, made without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from db.database import Database
from db.intake import open_batch
from db.query.results import find_results
from db.records import Result, ResultFilter
from db.states import Priority
from scheduler.intake.submission import enqueue
from scheduler.settings import Settings
from testbed.commands import Commands
from tests.scheduler.test_put_away import end


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of radiographs with measurements."""

    folder: Path
    outside: Path
    database: Database
    settings: Settings
    commands: Commands

    def take(self) -> None:
        """Store a measurement for every file of the folder."""
        batch = open_batch(self.database, "archive", Priority.ROUTINE)
        enqueue(self.database, [self.folder], batch, self.settings)
        end(self.database)

    def results(self) -> dict[str, Result]:
        """Return the results by file name, in order."""
        found = find_results(self.database, ResultFilter(batch="archive"))
        return {Path(each.path).name: each for each in found}
