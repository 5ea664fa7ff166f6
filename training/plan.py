"""The plan of a training run: its phases and hyper-parameters, in TOML with the same names.

Does not load torch, so that a command can check a plan before anything is queued.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

RUNS_FOLDER = Path(__file__).parent / "runs"
T = TypeVar("T")
#: The largest number of a plan: a signed 32-bit integer.
_MOST = 2**31 - 1


class PointLoss(StrEnum):
    """Loss of a landmark's error, in px of a 224 frame, so that parts can be weighted."""

    DISTANCE = "distance"  # the distance, smooth below the rounding of the annotation grid
    SQUARED = "squared"  # the squared distance over ten pixels
    WING = "wing"  # Wing of each coordinate, omega 10 px, epsilon 2 px (CVPR 2018, Feng et al.)


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weight of each part of the loss; one pixel of landmark error counts 1."""

    points: float = 1.0
    callipers: float = 1.0
    calliper_height: float = 0.15  # the widest part spans several rows, so y counts little
    widths: float = 0.5
    symmetry: float = 0.0
    distances: float = 0.0
    heatmap: float = 1.0
    scales: float = 0.2
    outlines: float = 3.0
    frontal: float = 1.0


@dataclass(frozen=True, slots=True)
class GeometryRanges:
    """Ranges of geometric augmentation; each value is uniform in +- its range.

    The warps are the largest standard deviations, along x and y, of a smooth displacement in px
    of the network's square: for radiographs with landmarks, and for those with outlined hearts.
    """

    rotation_degrees: float = 12.0
    shear_degrees: float = 4.0
    zoom: float = 0.22  # natural logarithm of both scales together
    aspect: float = 0.12  # natural logarithm of x over y
    shift: float = 0.08  # of the side
    mirror: float = 0.5  # probability
    landmark_warp_px: tuple[float, float] = (0.0, 0.0)
    calliper_warp_px: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a run, from the weights kept so far."""

    name: str
    steps: int
    number: int = 0  # selects phases; the baseline is 0 and has two
    points: PointLoss = PointLoss.DISTANCE
    trunk_rate: float = 1e-3  # learning rate of the pretrained or earlier layers
    head_rate: float = 1e-3
    frozen_trunk: bool = False
    attention: bool = False  # coordinate attention in the trunk
    warmup_steps: int = 50
    start: str | None = None  # phase to continue from; the last kept one if absent
    patience: int | None = None  # checks without improvement that end the phase
    weights: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True, slots=True)
class Plan:
    """Phases and hyper-parameters of a training run."""

    phases: tuple[Phase, ...]
    seed: int = 42
    landmark_batch: int = 21  # images per step with anatomical points
    calliper_batch: int = 11  # images per step with calliper points
    frontal_batch: int = 2  # images per step with only the label frontal chest or not
    counterexample_batch: int = 4  # images per step turned into counterexamples
    weight_decay: float = 0.05
    average: float = 0.995  # decay of the weight average that is validated and kept
    gradient_norm: float = 5.0
    check_every: int = 100
    teacher_share: float = 0.0  # of a teacher's points blended into the annotated ones
    original: bool = False  # the original work's network and recipe, faults included
    geometry: GeometryRanges = field(default_factory=GeometryRanges)

    def __post_init__(self) -> None:
        names = [phase.name for phase in self.phases]
        if not names:
            raise ValueError("a plan needs at least one phase: add a [[phases]] table")
        if len(set(names)) != len(names):
            raise ValueError(f"phases need names of their own: {names}")
        if any(phase.steps < 1 for phase in self.phases) or self.check_every < 1:
            raise ValueError("steps and check_every are at least 1")

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Self:
        """Return the plan of a run file. Raises OSError, ValueError if invalid."""
        return cls.from_mapping({**tomllib.loads(path.read_text(encoding="utf-8")), **changes})

    @classmethod
    def four_phases(cls) -> Self:
        """Return the project's own plan: the baseline and four phases."""
        return cls.read(RUNS_FOLDER / "four-phases.toml")

    @classmethod
    def faithful(cls) -> Self:
        """Return the plan of the original recipe, with its faults, for comparison."""
        return cls.read(RUNS_FOLDER / "faithful.toml")

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Self:
        """Return the plan of plain values. Raises ValueError for an unknown hyper-parameter."""
        values = dict(table)
        phases = values.get("phases")
        if not isinstance(phases, (list, tuple)):
            raise ValueError("a plan needs [[phases]] tables")  # noqa: TRY004 - an invalid value
        values["phases"] = tuple(_phase(each) for each in phases)
        if "geometry" in values:
            ranges = dict(values["geometry"])
            for name in ("landmark_warp_px", "calliper_warp_px"):
                if name in ranges:
                    _check_number(name, "tuple[float", ranges[name])
                    x, y = ranges[name]
                    ranges[name] = (float(x), float(y))
            values["geometry"] = _built(GeometryRanges, ranges)
        return _built(cls, values)

    def as_mapping(self) -> dict[str, Any]:
        """Return plain values, for a run file, the database or a model card."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def only(self, numbers: str) -> Self:
        """Return the plan with the phases ``1-4``, ``0,1`` or ``3`` only. Raises ValueError."""
        wanted: list[range] = []
        for part in numbers.split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()):
                raise ValueError(f"phases are numbers such as 1-4 or 0,1, not {numbers!r}")
            wanted.append(range(int(first), int(last or first) + 1))
        kept = tuple(each for each in self.phases if any(each.number in some for some in wanted))
        if not kept:
            there = sorted({phase.number for phase in self.phases})
            raise ValueError(f"no phase is numbered {numbers}; the plan has {there}")
        return replace(self, phases=kept)

    def scaled(self, factor: float) -> Self:
        """Return the plan with the steps of every phase multiplied by ``factor``."""
        phases = tuple(
            replace(phase, steps=max(1, round(phase.steps * factor))) for phase in self.phases
        )
        return replace(self, phases=phases)

    @property
    def steps(self) -> int:
        """Return the number of steps of all phases."""
        return sum(phase.steps for phase in self.phases)


def _phase(table: Mapping[str, Any]) -> Phase:
    values = dict(table)
    if "points" in values:
        values["points"] = PointLoss(values["points"])
    if "weights" in values:
        values["weights"] = _built(LossWeights, values["weights"])
    return _built(Phase, values)


def _built(made: type[T], values: Mapping[str, Any]) -> T:
    known = {each.name for each in fields(made)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown hyper-parameters: {', '.join(unknown)}; known: {sorted(known)}")
    for each in fields(made):  # type: ignore[arg-type]
        if each.name in values:
            _check_number(each.name, str(each.type), values[each.name])
    try:
        return made(**values)
    except TypeError as exc:
        raise ValueError(f"a {made.__name__.lower()} lacks a value: {exc}") from exc


def _check_number(name: str, kind: str, value: Any) -> None:
    """Check that a hyper-parameter is a usable number. Raises ValueError."""
    if value is None or not kind.startswith(("int", "float", "tuple[float")):
        return
    whole = kind.startswith("int")
    for each in value if kind.startswith("tuple") else (value,):
        right = isinstance(each, int) and not isinstance(each, bool)
        right = right or (isinstance(each, float) and not whole)
        if not right or not 0 <= each <= _MOST:  # nan is neither
            kind_of = "a whole number" if whole else "a number"
            raise ValueError(f"{name} is {kind_of} from 0 to {_MOST}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value
