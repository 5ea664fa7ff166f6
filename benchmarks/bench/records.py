"""The results of a bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.bench.load import Part

#: Recording is done by the intake, before the workers start, but is counted like their stages.
_DATABASE_STAGES = ("record", "claim", "write")
_WORKERS_STAGES = ("read", "prepare", "predict", "measure", *_DATABASE_STAGES)

#: Least number of files for a verdict. With a few dozen files most of the time is spent on starting
#: processes and on first transactions, which says nothing about a night.
FEWEST_JUDGED = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """The cost of one stage, in core-milliseconds per file; ``share`` of the sum of all stages."""

    name: str
    core_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The limit of a machine, the rate it reached, and what limits it."""

    device: str
    cores: int
    files: int
    stages: tuple[Stage, ...]
    reading: tuple[tuple[str, int, float], ...]  # transfer syntax or format, files, core-ms
    limit_per_second: float
    rate_per_second: float
    busy: float  # share of busy cores
    device_busy: float | None  # the rate as a share of what the accelerators could predict
    spent: Mapping[Part, float]  # share of thoraq's own CPU time that went to each part
    held_by: str
    objects_core_ms: float  # to make a radiograph's DICOM objects, which no stage waits for

    @property
    def is_judged(self) -> bool:
        """Return whether there were enough files for the start of processes not to matter."""
        return self.files >= FEWEST_JUDGED

    @property
    def efficiency(self) -> float:
        """Return the rate as a share of the limit."""
        return self.rate_per_second / self.limit_per_second

    @property
    def overhead(self) -> float:
        """Return the share of queue and database in the CPU time of workers and queue.

        The command is not included, since it only waits for them.
        """
        core_ms = {each.name: each.core_ms for each in self.stages}
        by_workers = sum(core_ms[name] for name in _WORKERS_STAGES)
        stored = sum(core_ms[name] for name in _DATABASE_STAGES) / by_workers
        queued, commanded = self.spent[Part.QUEUE], self.spent[Part.COMMAND]
        worked = 1.0 - queued - commanded
        return (queued + stored * worked) / max(1.0 - commanded, 1e-9)
