"""How busy the cores are during a block, and which of thoraq's processes use them."""

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
    """The purpose of a process started by a command."""

    READING = "reading"  # a worker's reading processes
    MEASURING = "measuring"  # a worker's child: claim, predict, measure, write
    QUEUE = "queue"  # broker, upkeep, and the workers' parents, which fetch messages
    COMMAND = "command"  # the command itself: progress, and monitoring the others


@dataclass(frozen=True, slots=True)
class _Sample:
    at: datetime
    busy: float
    cpu_seconds: Mapping[int, float]  # since each process began, by its id


class Load(Sampler):
    """Samples all cores and the child processes during a block."""

    def __init__(self) -> None:
        super().__init__(_PAUSE_SECONDS)
        self._samples: list[_Sample] = []
        self._parts: dict[int, Part] = {}

    def between(self, begin: datetime | None, end: datetime | None) -> float:
        """Return the mean share of busy cores in a sampled period, 0 to 1."""
        shares = [each.busy for each in self._within(begin, end)]
        return sum(shares) / len(shares) if shares else 0.0

    def spent(self, begin: datetime | None, end: datetime | None) -> dict[Part, float]:
        """Return each part's share of the CPU time in a sampled period, 0 to 1."""
        within = self._within(begin, end)
        if len(within) < 2:  # a period shorter than the pause: use the nearest samples
            within = self._samples
        last: dict[int, float] = {}  # includes processes that ended meanwhile
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
    """Return the purpose of a process. Raises psutil.Error."""
    if process == command:
        return Part.COMMAND
    said = process.cmdline()
    if "worker.readers.reader" in said:
        return Part.READING
    return Part.MEASURING if "worker.serve" in said and is_forked(process) else Part.QUEUE


def is_forked(process: psutil.Process) -> bool:
    """Return whether a process is the child of a worker or upkeep, which has its parent's command.

    Raises psutil.Error.
    """
    above = process.parent()
    return above is not None and above.cmdline() == process.cmdline()
