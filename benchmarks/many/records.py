"""What is asked of a simulation, and what it found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What is simulated."""

    workers: int
    files: int
    chunk_size: int = 32
    wait_ms: float = 0.0  # a chunk
    pool: str = "solo"


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it; ``cpu_ms`` and ``intake_cpu_ms``: milliseconds of CPU a file, by part."""

    asked: Asked
    seconds: float
    cpu_ms: dict[str, float]
    intake_cpu_ms: dict[str, float]
    intake_seconds: float
    idle_cpu_ms_s: float  # a worker that has nothing to do, each second
    writes_per_second: float  # transactions that write
    claim_ms: float  # latency of one claim, one store
    store_ms: float
    claim_cpu_ms: float  # of the worker's process, a file
    store_cpu_ms: float
    own_cpu_s: float  # of all workers, by their own clocks
    cores_left: float  # by whatever else the machine did
    waits: dict[str, float]  # share of the busy connections that waited, by what for
    settled: int
    measurements: int
    most_attempts: int
    stored: int

    @property
    def rate(self) -> float:
        """Return files settled a second."""
        return self.settled / self.seconds

    @property
    def database_ms(self) -> float:
        """Return PostgreSQL's CPU a file, intake included, watching excluded."""
        both = (self.cpu_ms, self.intake_cpu_ms)
        return sum(
            ms
            for of in both
            for part, ms in of.items()
            if part.startswith("database") and part != "database: watcher"
        )

    @property
    def overhead_ms(self) -> float:
        """Return everything that queue and database cost, CPU-ms a file."""
        work = sum(self.cpu_ms[part] for part in ("workers", "upkeep", "broker"))
        return self.database_ms + work + self.intake_cpu_ms["intake"]
