"""What a bench came to, in words."""

from __future__ import annotations

from benchmarks.bench.records import FEWEST_JUDGED, Bench


def verdict(found: Bench) -> str:
    """Return the result of a benchmark, in two lines."""
    device = "" if found.device_busy is None else f", devices busy {found.device_busy:.0%}"
    second = (
        f"; queue and database take {found.overhead:.1%} of the work; limited by {found.held_by}"
        if found.is_judged
        else f"; too few files to find the bottleneck: {FEWEST_JUDGED} or more are needed"
    )
    return (
        f"{found.files} files at {found.rate_per_second:.1f}/s: {found.efficiency:.0%} of the"
        f" limit of {found.limit_per_second:.1f}/s on {found.device} with {found.cores} cores\n"
        f"cores busy {found.busy:.0%}{device}{second}"
    )
