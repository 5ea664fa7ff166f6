"""What a training run reports while it goes on, in plain values; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from db.training.records import RunCheck, RunPhase


class Watcher(Protocol):
    """Receives the progress of a run, and may stop it."""

    def beat(self) -> None:
        """Be called at every step; what it raises ends the run after a checkpoint.

        Only after `training.errors.RunTaken` nothing is written: another worker has the run.
        """

    def checked(self, check: RunCheck) -> None:
        """Receive a check; after a restart some come again, with the same figures."""

    def phase_ended(self, result: RunPhase) -> None:
        """Receive the end of a phase; after a restart once more, with the same figures."""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A finished run: the kept weights and how each phase fared."""

    weights: Path
    phases: tuple[RunPhase, ...]
    checks: tuple[RunCheck, ...]
