"""Monitoring the memory of a worker's processes during a campaign."""

from __future__ import annotations

import psutil

from benchmarks.sampler import Sampler
from scheduler.stack import Stack

_PAUSE_SECONDS = 0.1


class Memory(Sampler):
    """Samples a worker's parent, child and reading processes during a block."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(_PAUSE_SECONDS)
        self._stack = stack
        self.peak_mb: dict[str, float] = {}
        self.child_mb = 0.0
        self.parents: set[int] = set()
        self.children: set[int] = set()
        self.readers: set[int] = set()

    def sample(self) -> None:
        """Note how much memory each process holds."""
        for member in self._stack.members:
            if member.pid is None or not member.name.startswith("cpu"):
                continue
            try:
                parent = psutil.Process(member.pid)
                self._note("parent", parent)
                self.parents.add(parent.pid)
                for child in parent.children():
                    self.children.add(child.pid)
                    self._note("child", child)
                    # Found by their parent: a forked process still has its parent's command.
                    for reader in child.children():
                        self.readers.add(reader.pid)
                        self._note("reader", reader)
            except psutil.Error:
                continue  # it has ended

    def _note(self, name: str, process: psutil.Process) -> None:
        used = process.memory_info().rss / (1 << 20)
        self.peak_mb[name] = max(used, self.peak_mb.get(name, 0.0))
        if name == "child":
            self.child_mb = used
