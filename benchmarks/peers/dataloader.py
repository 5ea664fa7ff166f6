"""A tuned PyTorch script: one process per core, each with its files, a DataLoader and a network.

Threads within an operator use the cores less efficiently than processes, so each process computes
in one thread, and its network is compiled with frozen weights.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait

from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import InputFile, Network, Plan, Row, take
from network.runtime import Runtime

#: Loader processes per predicting process. 0 is best where every core predicts: with one, two cores
#: measured a fifth fewer files, since it uses time of the network's core.
LOADERS = 0


class InputFiles(Dataset[InputFile]):
    """Files that are read on access."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> InputFile:
        return take(self._paths[number])


@contextmanager
def opened(plan: Plan, runtime: Runtime = Runtime.TORCH) -> Iterator[Engine]:
    """Start the processes, and wait until each has measured the sample."""
    spawning = multiprocessing.get_context("spawn")
    lines, processes = [], []
    for _ in range(plan.cores):
        ours, theirs = spawning.Pipe()
        process = spawning.Process(target=_predict, args=(theirs, plan, runtime))
        process.start()
        theirs.close()
        lines.append(ours)
        processes.append(process)
    for line in lines:
        line.recv()

    def measured(paths: Sequence[str]) -> Iterator[Row]:
        for number, line in enumerate(lines):
            line.send(list(paths[number :: len(lines)]))
        busy = list(lines)
        while busy:
            for line in wait(busy):
                rows = line.recv()
                if rows is None:
                    busy.remove(line)
                else:
                    yield from rows

    yield measured
    for process in processes:
        process.join()


def _predict(line: Connection, plan: Plan, runtime: Runtime) -> None:
    """Measure the files received over the connection."""
    network = Network(plan, tuned=runtime is Runtime.TORCH, runtime=runtime)
    network.measured(plan.sample)
    line.send("warm")
    loader = DataLoader(
        InputFiles(line.recv()),
        batch_size=plan.batch,
        num_workers=LOADERS,
        collate_fn=list,
    )
    for files in loader:
        line.send(network.rows(files))
    line.send(None)
