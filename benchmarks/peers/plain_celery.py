"""Plain Celery: a task per image on a real Redis, prefork children, the network in each child."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.result import ResultSet

from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import Network, Plan, Row
from scheduler.broker import EmbeddedBroker

#: Enough tasks for every child to get some before the clock starts.
_WARMING_TASKS_A_CHILD = 8

app = Celery("plain")
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_proc_alive_timeout=60.0,  # seconds a child may take to load the network
    worker_hijack_root_logger=False,
)
_networks: list[Network] = []


@signals.worker_process_init.connect
def load(**_: Any) -> None:
    """Load the network in a child, after the fork."""
    _networks.append(Network(Plan(cores=1, batch=1, sample=())))


@app.task
def measure(path: str) -> dict[str, Any]:
    """Measure one file."""
    [row] = _networks[0].measured([path])
    return row.plain()


@contextmanager
def opened(plan: Plan) -> Iterator[Engine]:
    """Start Redis and the worker."""
    with (
        tempfile.TemporaryDirectory(prefix="plain-celery-") as place,
        EmbeddedBroker(Path(place)) as broker,
    ):
        worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--app", __name__, "--quiet"),
                *("--broker", broker.url, "--result-backend", broker.url),
                *("worker", "--pool", "prefork", "--concurrency", str(plan.cores)),
                *("--without-gossip", "--without-mingle", "--loglevel", "ERROR"),
            ]
        )
        app.conf.update(broker_url=broker.url, result_backend=broker.url)

        def measured(paths: Sequence[str]) -> Iterator[Row]:
            results = ResultSet([measure.delay(path) for path in paths])
            for _, answer in results.iter_native():
                if answer["status"] != "SUCCESS":
                    raise RuntimeError(f"a task failed: {answer['result']}")
                yield Row(**answer["result"])

        try:
            sample = plan.sample * (_WARMING_TASKS_A_CHILD * plan.cores)
            list(measured(sample[: _WARMING_TASKS_A_CHILD * plan.cores]))
            yield measured
        finally:
            worker.terminate()
            worker.wait()
