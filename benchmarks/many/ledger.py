"""Counters of the workers in a crowd, in memory shared with the simulation."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path


class Entry(IntEnum):
    """A counter of a worker; times in seconds."""

    READY = 0
    CHUNKS = 1
    STORED = 2  # jobs
    CLAIM_WALL = 3
    CLAIM_CPU = 4
    STORE_WALL = 5
    STORE_CPU = 6
    OWN_CPU = 7  # CPU time of the whole process at the end of its last chunk


class Ledger:
    """One row per worker, written only by it."""

    def __init__(self, shared: mmap.mmap) -> None:
        self._numbers = memoryview(shared).cast("d")

    def add(self, worker: int, entry: Entry, number: float) -> None:
        """Add to a counter."""
        self._numbers[worker * len(Entry) + entry] += number

    def put(self, worker: int, entry: Entry, number: float) -> None:
        """Set a counter."""
        self._numbers[worker * len(Entry) + entry] = number

    def total(self, entry: Entry) -> float:
        """Return the sum over all workers."""
        return sum(self._numbers[entry :: len(Entry)])

    def totals(self) -> dict[Entry, float]:
        """Return the sums over all workers, by entry."""
        return {entry: self.total(entry) for entry in Entry}

    def least(self, entry: Entry) -> float:
        """Return the minimum over all workers."""
        return min(self._numbers[entry :: len(Entry)])

    def release(self) -> None:
        """Release the memory."""
        self._numbers.release()


@contextmanager
def opened(path: Path, workers: int) -> Iterator[Ledger]:
    """Open the shared ledger in a file, created if needed."""
    size = 8 * len(Entry) * workers
    if not path.exists():
        path.write_bytes(bytes(size))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as shared:
        ledger = Ledger(shared)
        try:
            yield ledger
        finally:
            ledger.release()
