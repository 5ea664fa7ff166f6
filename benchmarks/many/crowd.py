"""Lightweight workers, forked from one process so that 64 share the memory of their imports.

``python -m benchmarks.many.crowd --count 64 --ledger FILE`` reads its settings as a worker does and
ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from celery import Celery, signals

from benchmarks.many.ledger import Entry, Ledger, opened
from db.database import Database
from db.records import Claim, ClaimedJob, Outcome
from network.prediction import PreparedInput
from scheduler.app import create_app
from scheduler.broker import broker_url
from scheduler.logs import configure_logs
from scheduler.messages import MEASURE_QUEUES
from scheduler.process_end import end_in_time
from scheduler.settings import Settings
from scheduler.tether import die_with
from testbed.records import header, measurement, provenance
from worker.announcer import Announcer
from worker.device_batch import CPU_DEVICE_BATCH
from worker.file_measurement import FileMeasurement
from worker.networks import Networks
from worker.readers.pool import Answer, Readers
from worker.readers.wire import ReadFile
from worker.session import Session
from worker.stop_signal import StopSignal
from worker.tasks import add_tasks

_DIGEST = "e" * 64
_NOWHERE = np.eye(2, 3)
_NO_INPUT = PreparedInput(np.zeros((0, 0), np.uint8), _NOWHERE)


class StubReaders(Readers):
    """Answers for every file at once, without reading."""

    def __init__(self) -> None:
        self.count = 0
        self._read = ReadFile(header(), _DIGEST, _NOWHERE, _NO_INPUT, 0.0)

    def ask(
        self,
        jobs: Sequence[ClaimedJob],
        tell: Callable[[Answer], None],
        abandoned: threading.Event,
    ) -> None:
        """Answer for every job."""
        del abandoned
        for job in jobs:
            tell(Answer(job, self._read))

    @contextmanager
    def piling(self) -> Iterator[None]:
        """Do nothing."""
        yield


class StubMeasurement(FileMeasurement):
    """Returns the same plausible measurement for every job, after a delay in place of work."""

    def __init__(self, device_batch: int, wait_seconds: float) -> None:
        self._device_batch = device_batch
        self._wait_seconds = wait_seconds
        self._head = header()
        self._measured = measurement()
        self._provenance = provenance()

    @property
    def device_batch(self) -> int:
        """Return the size of a device batch."""
        return self._device_batch

    def outcomes(self, ready: Sequence[tuple[ClaimedJob, ReadFile]]) -> list[Outcome]:
        """Return one outcome per job."""
        time.sleep(self._wait_seconds * len(ready))
        return [
            Outcome(job.job_id, self._head, _DIGEST, self._measured, self._provenance)
            for job, _ in ready
        ]


class StubNetworks(Networks):
    """Returns the stub measurement for every version."""

    def __init__(self, stub: StubMeasurement) -> None:
        self._stub = stub

    def warm_up(self) -> None:
        """Do nothing."""

    def measurement(
        self, model_version: str, registered: Callable[[str], str | None] = lambda _: None
    ) -> FileMeasurement:
        """Return the stub."""
        del model_version, registered
        return self._stub


class CountingSession(Session):
    """A session with stubs for reading and predicting, which times claiming and storing."""

    def __init__(
        self, app: Celery, settings: Settings, number: int, ledger: Ledger, wait_seconds: float
    ) -> None:
        name = f"w{number}"
        super().__init__(
            settings,
            device="cpu",
            name=name,
            readers=0,
            stopping=StopSignal(),
            announcer=Announcer(app, name),
        )
        self._number = number
        self._ledger = ledger
        a_file = wait_seconds / settings.chunk_size
        self._networks = StubNetworks(
            StubMeasurement(settings.device_batch or CPU_DEVICE_BATCH, a_file)
        )

    def _reading(self) -> Readers:
        return StubReaders()

    def _claim(self, database: Database, chunk_id: int) -> Claim | None:
        wall, cpu = time.perf_counter(), time.thread_time()
        claim = super()._claim(database, chunk_id)
        self._ledger.add(self._number, Entry.CLAIM_WALL, time.perf_counter() - wall)
        self._ledger.add(self._number, Entry.CLAIM_CPU, time.thread_time() - cpu)
        return claim

    def _store(self, claim: Claim, done: Sequence[Outcome]) -> int:
        wall, cpu = time.perf_counter(), time.thread_time()
        stored = super()._store(claim, done)
        self._ledger.add(self._number, Entry.STORE_WALL, time.perf_counter() - wall)
        self._ledger.add(self._number, Entry.STORE_CPU, time.thread_time() - cpu)
        self._ledger.add(self._number, Entry.CHUNKS, 1)
        self._ledger.put(self._number, Entry.OWN_CPU, time.process_time())
        self._ledger.add(self._number, Entry.STORED, stored)
        return stored


def work(settings: Settings, number: int, ledger: Ledger, wait_seconds: float, pool: str) -> None:
    """Run a worker until stopped, as `worker.serve` does."""
    configure_logs()
    app = create_app(broker_url(settings))
    add_tasks(app, CountingSession(app, settings, number, ledger, wait_seconds))

    def keep_logs(**_: Any) -> None:
        """Do nothing: Celery must not configure logging."""

    def mark_ready(**_: Any) -> None:
        ledger.put(number, Entry.READY, 1)

    signals.setup_logging.connect(keep_logs)
    signals.worker_ready.connect(mark_ready)
    end_in_time()
    app.worker_main(
        [
            *("--quiet", "worker", "--queues", ",".join(MEASURE_QUEUES)),
            *("--hostname", f"w{number}@%h", "--pool", pool, "--concurrency", "1"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ]
    )


def main() -> None:
    """Fork the workers, and end with them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many.crowd", description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--wait-ms", type=float, default=0.0)
    parser.add_argument("--pool", choices=("solo", "prefork"), default="solo")
    asked = parser.parse_args()
    settings = Settings()
    owner = os.getpid()
    gc.freeze()  # keeps imported objects in shared memory
    with opened(asked.ledger, asked.count) as ledger:
        children = []
        for number in range(asked.count):
            child = os.fork()
            if child == 0:
                die_with(owner)
                work(settings, number, ledger, asked.wait_ms / 1000, asked.pool)
                os._exit(0)
            children.append(child)

        def end(number: int, frame: FrameType | None) -> None:
            del frame
            for each in children:
                os.kill(each, number)

        signal.signal(signal.SIGTERM, end)
        for child in children:
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
