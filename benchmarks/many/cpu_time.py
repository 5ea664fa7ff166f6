"""CPU time of each part, in seconds, from the kernel."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

#: The title of a PostgreSQL backend: role, database, host.
_BACKEND = re.compile(r"postgres: (?P<role>\w+) \w+ \[local\]")
#: Parts that connect, each with a separate role, which identifies its backends.
ROLES = ("intake", "upkeep", "worker", "watcher")
PARTS = (
    "workers",
    "upkeep",
    "broker",
    *(f"database: {role}" for role in ROLES),
    "database: server",  # without a connection: WAL writer, checkpoints, vacuum
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The main process of each part."""

    postgres: int
    broker: int
    upkeep: int
    crowd: int

    def spent(self) -> dict[str, float]:
        """Return the CPU seconds of each part in PARTS since its start."""
        found = dict.fromkeys(PARTS, 0.0)
        # The crowd's first process only imports and forks.
        found["workers"] = _all(psutil.Process(self.crowd).children(recursive=True))
        upkeep = psutil.Process(self.upkeep)
        found["upkeep"] = _all([upkeep, *upkeep.children(recursive=True)])
        found["broker"] = _all([psutil.Process(self.broker)])
        postmaster = psutil.Process(self.postgres)
        for process in postmaster.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                backend = _BACKEND.match(" ".join(process.cmdline()))
                role = backend["role"] if backend else "server"
                name = f"database: {role}" if role in ROLES else "database: server"
                found[name] += _all([process])
        times = postmaster.cpu_times()
        found["database: server"] += times.children_user + times.children_system
        return found


def _all(processes: Iterable[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return the CPU time spent between two moments."""
    return {part: after[part] - before[part] for part in PARTS}
