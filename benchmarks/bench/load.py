"""How busy the cores are while something goes on, and which of thoraq's processes take them."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import psutil

from benchmarks.sampler import Sampler

_PAUSE_SECONDS = 1.0


class Part(StrEnum):
    """What a process below a command is for."""

    READING = "reading"  # a worker's reading processes
    MEASURING = "measuring"  # a worker's child: claim, predict, measure, write
    QUEUE = "queue"  # broker, upkeep, and the workers' parents, which fetch messages
    COMMAND = "command"  # the command itself: progress, and the watch over the others


@dataclass(frozen=True, slots=True)
class _Sample:
    at: datetime
    busy: float
    cpu_seconds: Mapping[int, float]  # since each process began, by its id


class Load(Sampler):
    """Samples all cores and the processes below this one, until it is left."""

    def __init__(self) -> None:
        super().__init__(_PAUSE_SECONDS)
        self._samples: list[_Sample] = []
        self._parts: dict[int, Part] = {}

    def between(self, begin: datetime | None, end: datetime | None) -> float:
        """Return the mean share of all cores at work, 0 to 1, of a time that was sampled."""
        shares = [each.busy for each in self._within(begin, end)]
        return sum(shares) / len(shares) if shares else 0.0

    def spent(self, begin: datetime | None, end: datetime | None) -> dict[Part, float]:
        """Return the share of the CPU time of a sampled time that went to each part, 0 to 1."""
        within = self._within(begin, end)
        if len(within) < 2:  # a time shorter than the pause: its neighbours say more than nothing
            within = self._samples
        last: dict[int, float] = {}  # of processes that ended meanwhile too
        for each in within:
            last.update(each.cpu_seconds)
        seconds = dict.fromkeys(Part, 0.0)
        for process, spent in last.items():
            seconds[self._parts[process]] += spent - within[0].cpu_seconds.get(process, 0.0)
        whole = sum(seconds.values())
        return {part: each / whole if whole else 0.0 for part, each in seconds.items()}

    def __enter__(self) -> Self:
        psutil.cpu_percent()
        return super().__enter__()

    def _within(self, begin: datetime | None, end: datetime | None) -> list[_Sample]:
        if begin is None or end is None:
            return self._samples
        return [each for each in self._samples if begin <= each.at <= end]

    def sample(self) -> None:
        """Note how busy the cores are, and the CPU time of each process."""
        busy = psutil.cpu_percent() / 100
        self._samples.append(_Sample(datetime.now(UTC), busy, self._cpu_seconds()))

    def _cpu_seconds(self) -> dict[int, float]:
        own = psutil.Process()
        spent: dict[int, float] = defaultdict(float)
        for process in (own, *own.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # it has ended
                if process.pid not in self._parts:
                    self._parts[process.pid] = _part(process, own)
                times = process.cpu_times()
                spent[process.pid] = times.user + times.system
        return spent


def _part(process: psutil.Process, command: psutil.Process) -> Part:
    """Say what a process is for. Raises psutil.Error."""
    if process == command:
        return Part.COMMAND
    said = process.cmdline()
    if "worker.readers.reader" in said:
        return Part.READING
    return Part.MEASURING if "worker.serve" in said and is_forked(process) else Part.QUEUE


def is_forked(process: psutil.Process) -> bool:
    """Whether a process is the child of a worker or of the upkeep, which is called as its parent.

    Raises psutil.Error.
    """
    above = process.parent()
    return above is not None and above.cmdline() == process.cmdline()
