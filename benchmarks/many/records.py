"""Parameters and results of a simulation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """Parameters of a simulation."""

    workers: int
    files: int
    chunk_size: int = 32
    wait_ms: float = 0.0  # per chunk
    pool: str = "solo"


@dataclass(frozen=True, slots=True)
class Found:
    """Results of a simulation; ``cpu_ms`` and ``intake_cpu_ms``: CPU milliseconds per file."""

    asked: Asked
    seconds: float
    cpu_ms: dict[str, float]
    intake_cpu_ms: dict[str, float]
    intake_seconds: float
    idle_cpu_ms_s: float  # of an idle worker, per second
    writes_per_second: float  # writing transactions
    claim_ms: float  # latency of a claim, of a store
    store_ms: float
    claim_cpu_ms: float  # of the worker's process, per file
    store_cpu_ms: float
    own_cpu_s: float  # of all workers, by their own clocks
    cores_left: float  # not used by other processes on the machine
    waits: dict[str, float]  # share of the busy connections that waited, by wait event
    settled: int
    measurements: int
    most_attempts: int
    stored: int

    @property
    def rate(self) -> float:
        """Return the files settled per second."""
        return self.settled / self.seconds

    @property
    def database_ms(self) -> float:
        """Return PostgreSQL's CPU time per file in ms, with intake, without monitoring."""
        both = (self.cpu_ms, self.intake_cpu_ms)
        return sum(
            ms
            for of in both
            for part, ms in of.items()
            if part.startswith("database") and part != "database: watcher"
        )

    @property
    def overhead_ms(self) -> float:
        """Return the cost of queue and database in CPU-ms per file."""
        work = sum(self.cpu_ms[part] for part in ("workers", "upkeep", "broker"))
        return self.database_ms + work + self.intake_cpu_ms["intake"]
