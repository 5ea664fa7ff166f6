"""What a training run reports while it goes on, in plain values; free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Check:
    """State of a run at one step; errors are of the weight average on the validation split.

    ``error_px224`` and ``best_px224``: mean landmark error, px of a 224 frame; ``ict_error``: mean
    absolute error of the cardiothoracic index, None without callipers; ``epoch``: passes over the
    radiographs with landmarks, within the phase; ``seconds``: of the run, over restarts.
    """

    ordinal: int
    phase: int
    phase_name: str
    step: int
    steps: int
    epoch: float
    epochs: float
    seconds: float
    seconds_left: float
    loss_parts: Mapping[str, float]
    error_px224: float
    ict_error: float | None
    best_px224: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """Result of a phase, and whether the run continues from its weights.

    ``difference_low`` and ``difference_high``: 95 % paired bootstrap, over validation cases, of
    its error minus the error it started from, px of a 224 frame; None for a start from scratch.
    """

    ordinal: int
    phase: int
    phase_name: str
    kept: bool
    reason: str
    error_px224: float
    start_px224: float | None
    difference_low: float | None
    difference_high: float | None
    ict_error: float | None
    steps: int
    seconds: float
    figures: Mapping[str, float]


class Watcher(Protocol):
    """Receives the progress of a run, and may stop it."""

    def beat(self) -> None:
        """Be called at every step; what it raises ends the run after a checkpoint.

        Only after `training.errors.RunTaken` nothing is written: another worker has the run.
        """

    def checked(self, check: Check) -> None:
        """Receive a check; after a restart some come again, with the same figures."""

    def phase_ended(self, result: PhaseResult) -> None:
        """Receive the end of a phase; after a restart once more, with the same figures."""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A finished run: the kept weights and how each phase fared."""

    weights: Path
    phases: tuple[PhaseResult, ...]
    checks: tuple[Check, ...]
