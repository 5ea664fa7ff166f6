"""The cores that this process may use, limited by the CPU mask and the container's quota."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Return the cores of the CPU mask, limited by the quota of cgroup v2 or v1; at least 1."""
    masked = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _quota(cgroup)
    return max(1, min(masked or 1, math.ceil(quota) if quota is not None else masked or 1))


def own_cores(processes: int) -> tuple[int | None, ...]:
    """Return the core to pin each process to; None: not pinned.

    Processes are pinned, which keeps their caches, only if they fill the CPU mask. Under a quota,
    or with fewer processes, other containers and commands would use the same cores.
    """
    free: tuple[int | None, ...] = (None,) * processes
    if not hasattr(os, "sched_getaffinity"):
        return free
    cores = sorted(os.sched_getaffinity(0))
    return tuple(cores) if processes == len(cores) == usable_cores() else free


def _quota(cgroup: Path) -> float | None:
    try:
        most, period = (cgroup / "cpu.max").read_text().split()  # v2
        return None if most == "max" else int(most) / int(period)
    except (OSError, ValueError):
        pass
    try:
        most_us = int((cgroup / "cpu/cpu.cfs_quota_us").read_text())  # v1
        period_us = int((cgroup / "cpu/cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return most_us / period_us if most_us > 0 else None
