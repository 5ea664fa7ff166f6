"""The hyper-parameters of one fit, read from a run file: a TOML of these very names."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from training.geometry import GeometryRanges
from training.objective import Weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is fitted; the defaults are those of the shipped one."""

    seed: int = 42
    steps: int = 3300
    landmark_batch: int = 21  # images of a step with anatomical points
    calliper_batch: int = 11  # images of a step with calliper points
    frontal_batch: int = 2  # images of a step that only are, or are not, a frontal chest
    counterexample_batch: int = 4  # images of a step made into no chest
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    average: float = 0.995  # decay of the weight average that is validated and kept
    gradient_norm: float = 5.0
    check_every: int = 100
    teacher_share: float = 0.0  # of a teacher's points blended into the annotated ones
    geometry: GeometryRanges = field(default_factory=GeometryRanges)
    weights: Weights = field(default_factory=Weights)

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Self:
        """Read a run file. Raises ValueError for a name that is no hyper-parameter."""
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls.from_mapping({**table, **changes})

    @classmethod
    def from_mapping(cls, table: dict[str, Any]) -> Self:
        """Build from plain values. Raises ValueError for a name that is no hyper-parameter."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(table) - known):
            raise ValueError(
                f"unknown hyper-parameters: {', '.join(unknown)}; known: {sorted(known)}"
            )
        values = dict(table)
        if isinstance(values.get("geometry"), dict):
            values["geometry"] = GeometryRanges(**values["geometry"])
        if isinstance(values.get("weights"), dict):
            values["weights"] = Weights(**values["weights"])
        return cls(**values)

    def as_mapping(self) -> dict[str, Any]:
        """Plain values, as a run file or a model card holds them."""
        return asdict(self)
