"""A plain PyTorch loop: one file at a time, batch size 1."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import Network, Plan, Row


@contextmanager
def opened(plan: Plan) -> Iterator[Engine]:
    """Load the network, and choose between one thread and torch's default, one per core."""
    network = Network(plan)
    network.measured(plan.sample[:1])
    seconds = {threads: _time(network, plan, threads) for threads in (1, plan.cores)}
    torch.set_num_threads(min(seconds, key=lambda threads: seconds[threads]))

    def measured(paths: Sequence[str]) -> Iterator[Row]:
        for path in paths:
            yield from network.measured([path])

    yield measured


def _time(network: Network, plan: Plan, threads: int) -> float:
    torch.set_num_threads(threads)
    began = time.perf_counter()
    for path in plan.sample:
        network.measured([path])
    return time.perf_counter() - began
