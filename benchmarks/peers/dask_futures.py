"""Dask: futures on a local cluster, one process per core, the network in a worker plugin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from distributed import Client, LocalCluster, Worker, WorkerPlugin, as_completed, get_worker

from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import Network, Plan, Row


class Loaded(WorkerPlugin):
    """The network of a worker, loaded once."""

    name = "network"

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self, worker: Worker) -> None:
        """Load the network, and measure the sample."""
        del worker
        self.network = Network(self._plan)
        self.network.measured(self._plan.sample)


def measure_batch(paths: Sequence[str]) -> list[Row]:
    """Measure a batch on the current worker."""
    rows: list[Row] = get_worker().plugins[Loaded.name].network.measured(paths)
    return rows


@contextmanager
def opened(plan: Plan) -> Iterator[Engine]:
    """Start the cluster."""
    with (
        LocalCluster(
            n_workers=plan.cores, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Loaded(plan))

        def measured(paths: Sequence[str]) -> Iterator[Row]:
            batches = [paths[at : at + plan.batch] for at in range(0, len(paths), plan.batch)]
            futures = client.map(measure_batch, batches, pure=False)
            for done in as_completed(futures, with_results=True).batches():
                for _, rows in done:
                    yield from rows

        yield measured
