"""The results of simulations as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.many.records import Found
from scheduler.settings import Settings

#: Most chunks that the relay keeps waiting in Redis, as in `scheduler.relay`.
_WINDOW = 1000


def ceilings(found: Found) -> dict[str, float]:
    """Return how many files per second each part could process if it were the only limit."""
    ms, taking = found.cpu_ms, found.intake_cpu_ms
    return {
        "PostgreSQL, per core": 1000 / found.database_ms,
        "relay: chunks kept waiting between two rounds": _WINDOW
        * found.asked.chunk_size
        / Settings().upkeep_seconds,
        "intake: one submission and its connection": 1000
        / (taking["intake"] + taking["database: intake"]),
        "relay: one process and its connection": 1000 / (ms["upkeep"] + ms["database: upkeep"]),
        "Redis: one thread": 1000 / ms["broker"],
    }


def ceiling_rows(found: Found) -> list[list[str]]:
    """Return the ceilings, the lowest first."""
    return [
        [part, f"{rate:,.0f}"]
        for part, rate in sorted(ceilings(found).items(), key=lambda each: each[1])
    ]


CEILING_HEAD = ("part", "files/s at most")
RUN_HEAD = (
    *("workers", "files per chunk", "files/s", "cores available"),
    *("worker", "PostgreSQL", "Redis", "upkeep", "intake", "all, core-ms per file"),
    *("transactions/s", "claim, ms", "store, ms"),
)


def run_row(found: Found) -> list[str]:
    """Return the row of a simulation."""
    ms = found.cpu_ms
    return [
        f"{found.asked.workers}",
        f"{found.asked.chunk_size}",
        f"{found.rate:,.0f}",
        f"{found.cores_left:.1f}",
        f"{ms['workers']:.3f}",
        f"{found.database_ms:.3f}",
        f"{ms['broker']:.3f}",
        f"{ms['upkeep']:.3f}",
        f"{found.intake_cpu_ms['intake']:.3f}",
        f"{found.overhead_ms:.3f}",
        f"{found.writes_per_second:,.0f}",
        f"{found.claim_ms:.0f}",
        f"{found.store_ms:.0f}",
    ]


def wait_rows(found: Found) -> list[list[str]]:
    """Return the wait events of PostgreSQL's busy connections, the most frequent first."""
    names = {"running": "computing", "Client ClientRead": "waiting for their worker"}
    return [
        [names.get(name, name), f"{share:.0%}"]
        for name, share in found.waits.items()
        if share >= 0.01
    ]


WAIT_HEAD = ("workers' connections in a transaction", "share")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
