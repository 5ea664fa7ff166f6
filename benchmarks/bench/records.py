"""What a bench came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.bench.load import Part

#: Recording is the intake's, before a worker is asked, and counts as if it were a worker's.
_DATABASE_STAGES = ("record", "claim", "write")
_WORKERS_STAGES = ("read", "prepare", "predict", "measure", *_DATABASE_STAGES)

#: Files from which on a verdict is given. The processes' start and each part's first transactions
#: are most of what a few dozen files cost, and tell nothing about a night.
FEWEST_JUDGED = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage costs alone, in core-milliseconds per file; ``share`` of all of them."""

    name: str
    core_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What a machine could do, what it did, and what holds it back."""

    device: str
    cores: int
    files: int
    stages: tuple[Stage, ...]
    reading: tuple[tuple[str, int, float], ...]  # transfer syntax or format, files, core-ms
    limit_per_second: float
    rate_per_second: float
    busy: float  # share of the cores that were at work
    device_busy: float | None  # the rate as a share of what the accelerators alone predict
    spent: Mapping[Part, float]  # share of thoraq's own CPU time that went to each part
    held_by: str
    objects_core_ms: float  # to make a radiograph's DICOM objects, which no stage waits for

    @property
    def is_judged(self) -> bool:
        """Whether so many files were measured that starting the processes no longer counts."""
        return self.files >= FEWEST_JUDGED

    @property
    def efficiency(self) -> float:
        """Return the rate as a share of the limit."""
        return self.rate_per_second / self.limit_per_second

    @property
    def overhead(self) -> float:
        """Return the share of the work that queue and database take.

        The work is what workers and queue do; the command that waits for them is not needed.
        """
        core_ms = {each.name: each.core_ms for each in self.stages}
        by_workers = sum(core_ms[name] for name in _WORKERS_STAGES)
        stored = sum(core_ms[name] for name in _DATABASE_STAGES) / by_workers
        queued, commanded = self.spent[Part.QUEUE], self.spent[Part.COMMAND]
        worked = 1.0 - queued - commanded
        return (queued + stored * worked) / max(1.0 - commanded, 1e-9)
