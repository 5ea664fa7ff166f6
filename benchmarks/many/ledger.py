"""What every worker of a crowd counts, in memory that whoever watches them shares."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path


class Entry(IntEnum):
    """One number that a worker keeps; times are seconds."""

    READY = 0
    CHUNKS = 1
    STORED = 2  # jobs
    CLAIM_WALL = 3
    CLAIM_CPU = 4
    STORE_WALL = 5
    STORE_CPU = 6
    OWN_CPU = 7  # of the whole process, by its own clock, when its last chunk ended


class Ledger:
    """One row a worker; only its worker writes it."""

    def __init__(self, shared: mmap.mmap) -> None:
        self._numbers = memoryview(shared).cast("d")

    def add(self, worker: int, entry: Entry, number: float) -> None:
        """Count on."""
        self._numbers[worker * len(Entry) + entry] += number

    def put(self, worker: int, entry: Entry, number: float) -> None:
        """Write anew."""
        self._numbers[worker * len(Entry) + entry] = number

    def total(self, entry: Entry) -> float:
        """Add up all workers."""
        return sum(self._numbers[entry :: len(Entry)])

    def totals(self) -> dict[Entry, float]:
        """Add up all workers, every entry."""
        return {entry: self.total(entry) for entry in Entry}

    def least(self, entry: Entry) -> float:
        """Return what the worker has that has least."""
        return min(self._numbers[entry :: len(Entry)])

    def release(self) -> None:
        """Let go of the memory."""
        self._numbers.release()


@contextmanager
def opened(path: Path, workers: int) -> Iterator[Ledger]:
    """Share the ledger in a file, made where there is none."""
    size = 8 * len(Entry) * workers
    if not path.exists():
        path.write_bytes(bytes(size))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as shared:
        ledger = Ledger(shared)
        try:
            yield ledger
        finally:
            ledger.release()
