"""What simulations came to, as tables of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.many.records import Found
from scheduler.settings import Settings

#: Chunks that the relay lets wait in Redis at a time, as `scheduler.relay` has it.
_WINDOW = 1000


def ceilings(found: Found) -> dict[str, float]:
    """Work out how many files a second each part could pass on, were every other one free."""
    ms, taking = found.cpu_ms, found.intake_cpu_ms
    return {
        "PostgreSQL, for each of its cores": 1000 / found.database_ms,
        "relay: chunks it lets wait from one round to the next": _WINDOW
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
    *("workers", "files a chunk", "files/s", "cores left by others"),
    *("worker", "PostgreSQL", "Redis", "upkeep", "intake", "all, core-ms a file"),
    *("transactions/s", "claim, ms", "store, ms"),
)


def run_row(found: Found) -> list[str]:
    """Return one simulation's line."""
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
    """Return what PostgreSQL's busy connections were found at, the most frequent first."""
    names = {"running": "computing", "Client ClientRead": "waiting for their worker"}
    return [
        [names.get(name, name), f"{share:.0%}"]
        for name, share in found.waits.items()
        if share >= 0.01
    ]


WAIT_HEAD = ("connections of workers that were in a transaction", "share")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
