"""How much memory a worker's processes hold while a campaign runs, and which ones there were."""

from __future__ import annotations

import psutil

from benchmarks.sampler import Sampler
from scheduler.stack import Stack

_PAUSE_SECONDS = 0.1


class Memory(Sampler):
    """Samples a worker's parent, child and reading processes until it is left."""

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
                    # Told by their parent: behind its fork a process is still called as that.
                    for reader in child.children():
                        self.readers.add(reader.pid)
                        self._note("reader", reader)
            except psutil.Error:
                continue  # it ended meanwhile

    def _note(self, name: str, process: psutil.Process) -> None:
        used = process.memory_info().rss / (1 << 20)
        self.peak_mb[name] = max(used, self.peak_mb.get(name, 0.0))
        if name == "child":
            self.child_mb = used
