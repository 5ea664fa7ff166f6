"""Records of training runs; messages contain only their ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from db.states import RunState


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be queued. ``data``: folder of annotated radiographs; ``plan``: plain values.

    ``start`` and ``teachers``: weights files; ``parent``: the model ``start`` belongs to.
    """

    name: str
    data: str
    plan: Mapping[str, object] = field(repr=False)
    start: str | None = None
    teachers: tuple[str, ...] = ()
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class RunCheck:
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
class RunPhase:
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


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run in its current state; ``last`` is its newest check."""

    id: int
    name: str
    data: str
    plan: Mapping[str, object] = field(repr=False)
    start: str | None
    teachers: tuple[str, ...]
    parent: str | None
    state: RunState
    cancel_requested: bool
    attempts: int
    last: RunCheck | None
    device: str | None
    worker: str | None
    code: str | None
    detail: str | None
    model_version: str | None
    created_at: datetime
    sent_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    lease_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunClaim:
    """A claimed run."""

    owner: str
    run: TrainingRun


@dataclass(frozen=True, slots=True)
class RunHold:
    """The answer to a renewal: whether the run is still held, and whether to stop it."""

    held: bool
    cancel_requested: bool
