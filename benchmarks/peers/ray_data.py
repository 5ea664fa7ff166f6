"""Ray Data, as in its guide to offline inference: a pool of actors, each with the network.

A fixed pool with one actor per core, and a batch per block. The actors also read the files: on a
machine without an accelerator a separate stage would take cores from the actors and pass every
image through the object store.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import ray

from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import Network, Plan, Row

#: The first file waits until every actor has loaded the network, as with the other engines.
_START_SECONDS = 120


class Measuring:
    """An actor that measures batches of paths."""

    def __init__(self, plan: Plan) -> None:
        self._network = Network(plan)
        self._network.measured(plan.sample)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[object]]:
        """Return the columns of the rows."""
        rows = [row.plain() for row in self._network.measured(batch["path"].tolist())]
        return {name: [row[name] for row in rows] for name in rows[0]}


@contextmanager
def opened(plan: Plan) -> Iterator[Engine]:
    """Start Ray; the actors start with the data set, before the first file is taken."""
    ray.init(num_cpus=plan.cores, include_dashboard=False, log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.wait_for_min_actors_s = _START_SECONDS

    def measured(paths: Sequence[str]) -> Iterator[Row]:
        blocks = math.ceil(len(paths) / plan.batch)
        files = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=blocks)
        rows = files.map_batches(
            Measuring,
            fn_constructor_args=(plan,),
            batch_size=plan.batch,
            compute=ray.data.ActorPoolStrategy(size=plan.cores),
            num_cpus=1,
        )
        for row in rows.iter_rows():
            yield Row(**row)

    try:
        yield measured
    finally:
        ray.shutdown()
