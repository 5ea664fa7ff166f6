"""The pipeline: overlaps chunks, so that readers, device and database are never idle.

While one chunk is read, the previous one is predicted and the one before that is stored. Device
batches are formed across chunks. It has three threads: the caller, which adds chunks, one that
predicts and measures, and one that stores.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from db.records import ClaimedJob
from worker.chunk import ChunkAtWork
from worker.errors import LeaseLost, WorkerError
from worker.machine import Machine
from worker.readers.pool import Answer, Readers
from worker.readers.wire import ReadFile
from worker.watchdog import Watchdog

_log = structlog.stdlib.get_logger(__name__)

#: How long a file that was read waits for others to fill a device batch.
_BATCH_WAIT_SECONDS = 0.5
#: Chunks that may wait to be stored; more would only pile up while the database is unavailable.
_UNSTORED = 2
_POLL_SECONDS = 0.2
#: A device batch takes seconds, or minutes while code is compiled for the device.
_HUNG_SECONDS = 600.0
#: EX_SOFTWARE of sysexits.h: exit code of a child with a fault; its jobs are requeued later.
_FAULT = 70


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A reading process's answer, or why a chunk, or every chunk if None, is released."""

    chunk: ChunkAtWork | None
    answer: Answer | None = None
    reason: WorkerError | None = None


class Pipeline:
    """Carries chunks from their claims to the database. Only one thread may add chunks.

    ``store`` stores the outcomes of a closed chunk and releases the rest.
    """

    def __init__(
        self, readers: Readers, machine: Machine, store: Callable[[ChunkAtWork], None]
    ) -> None:
        self._readers = readers
        self._machine = machine
        self._store = store
        self._arrivals: queue.SimpleQueue[_Arrival] = queue.SimpleQueue()
        self._closed: queue.SimpleQueue[ChunkAtWork] = queue.SimpleQueue()
        self._moved = threading.Condition()
        self._open: set[ChunkAtWork] = set()
        self._failure: WorkerError | None = None
        self._device_batch: list[tuple[ChunkAtWork, ClaimedJob, ReadFile]] = []
        self._oldest = 0.0
        self._watchdog = Watchdog(_HUNG_SECONDS)
        for work in (self._measure, self._write):
            name = work.__name__.strip("_")
            threading.Thread(target=_or_exit, args=(work,), name=name, daemon=True).start()

    def carry(self, chunk: ChunkAtWork, check: Callable[[], None]) -> None:
        """Add a chunk; return when the next one should be added, before this one has ended.

        That is when only this chunk is left, with at most a device batch and a file per reader
        unread: so neither is idle, and an urgent chunk waits no longer than that.
        A chunk that was requeued after its worker died is processed alone, so that no other
        file is blamed.
        ``check`` is called meanwhile; when it raises, the rest of the chunk is released.
        Raises what ``check`` does, and WorkerError if the worker cannot continue.
        """
        alone = chunk.came_back
        with self._moved:
            self._open.add(chunk)
        try:
            self._wait(lambda: not alone or self._open == {chunk}, check)
            self._readers.ask(chunk.claim.jobs, partial(self._arrive, chunk), chunk.abandoned)
            self._wait(lambda: self._wants_more(chunk) and not (alone and self._open), check)
        except WorkerError as exc:
            self._arrivals.put(_Arrival(chunk, reason=exc))
            raise

    def drain(self, seconds: float) -> bool:
        """Wait until every chunk is stored or released; return whether that was in time."""
        with self._moved:
            return self._moved.wait_for(lambda: not self._open, seconds)

    def give_back(self, reason: WorkerError) -> None:
        """Close every chunk: files already read are predicted, the others are released."""
        self._arrivals.put(_Arrival(None, reason=reason))

    def _wants_more(self, last: ChunkAtWork) -> bool:
        before = [each for each in self._open if each is not last]
        unstored = sum(each.closed for each in before)
        ahead = last.measurement.device_batch + self._readers.count
        return unstored == len(before) <= _UNSTORED and last.unended <= ahead

    def _wait(self, condition: Callable[[], bool], check: Callable[[], None]) -> None:
        """Wait for a condition. Raises what ``check`` does, and the worker's failure."""
        while True:
            check()
            with self._moved:
                failure, self._failure = self._failure, None
                if failure is not None:
                    raise failure
                if (
                    self._moved.wait_for(
                        lambda: condition() or self._failure is not None, _POLL_SECONDS
                    )
                    and self._failure is None
                ):
                    return

    def _arrive(self, chunk: ChunkAtWork, answer: Answer) -> None:
        self._arrivals.put(_Arrival(chunk, answer))

    # The thread that predicts and measures.

    def _measure(self) -> None:
        while True:
            try:
                arrival = self._next()
                if arrival is None:
                    self._predict()
                elif arrival.reason is not None:
                    self._predict()
                    self._end(arrival.chunk, arrival.reason)
                elif arrival.chunk is not None and arrival.answer is not None:
                    self._take(arrival.chunk, arrival.answer)
            except LeaseLost as exc:
                self._end(arrival.chunk if arrival is not None else None, exc)
            except WorkerError as exc:
                # The worker's failure, not a chunk's: all chunks are released.
                self._device_batch.clear()
                with self._moved:
                    self._failure = exc
                self._end(None, exc)

    def _next(self) -> _Arrival | None:
        """Return the next arrival; None: predict the files that are there."""
        if not self._device_batch:
            return self._arrivals.get()
        with self._moved:
            reading = any(chunk.unread for chunk in self._open if not chunk.closed)
        wait = self._oldest + _BATCH_WAIT_SECONDS - time.monotonic() if reading else 0.0
        try:
            return self._arrivals.get(timeout=max(wait, 0.0))
        except queue.Empty:
            return None

    def _take(self, chunk: ChunkAtWork, answer: Answer) -> None:
        """Add a file that was read to the device batch. Raises LeaseLost, or a WorkerError."""
        if chunk.closed:
            return
        chunk.unread -= 1
        chunk.lease.check()
        if answer.error is not None:
            raise answer.error
        if isinstance(answer.read, ReadFile):
            self._machine.note(answer.job, None)
            if self._device_batch and self._device_batch[0][0].measurement is not chunk.measurement:
                self._predict()
            if not self._device_batch:
                self._oldest = time.monotonic()
            self._device_batch.append((chunk, answer.job, answer.read))
            if len(self._device_batch) >= chunk.measurement.device_batch:
                self._predict()
        elif answer.read is not None:
            self._machine.note(answer.job, answer.read.refusal)
            chunk.outcomes.append(chunk.measurement.refused(answer.job, answer.read))
            self._end_some(chunk, 1)

    def _predict(self) -> None:
        """Predict the device batch. Raises DeviceFailed."""
        if not self._device_batch:
            return
        device_batch = self._device_batch
        oldest = device_batch[0][0].claim
        named = bound_contextvars(batch=oldest.batch, chunk=oldest.chunk_id)
        with named, self._watchdog.watching(), self._readers.piling():
            measurement = device_batch[0][0].measurement
            outcomes = measurement.outcomes([(job, read) for _, job, read in device_batch])
        self._device_batch = []
        ended: Counter[ChunkAtWork] = Counter()
        for (chunk, _, _), outcome in zip(device_batch, outcomes, strict=True):
            if not chunk.closed:
                chunk.outcomes.append(outcome)
                ended[chunk] += 1
        for chunk, count in ended.items():
            self._end_some(chunk, count)

    def _end_some(self, chunk: ChunkAtWork, count: int) -> None:
        with self._moved:
            chunk.unended -= count
            self._moved.notify_all()
        if not chunk.unended:
            self._close(chunk, None)

    def _end(self, chunk: ChunkAtWork | None, reason: WorkerError) -> None:
        """Close a chunk, or every chunk if None, before all of its files have an outcome."""
        with self._moved:
            chunks = list(self._open) if chunk is None else [chunk]
        for each in chunks:
            if not each.closed:
                self._close(each, reason)

    def _close(self, chunk: ChunkAtWork, reason: WorkerError | None) -> None:
        chunk.failure = reason
        if reason is not None:
            chunk.abandoned.set()
        with self._moved:
            chunk.closed = True
            chunk.unended = 0
            self._moved.notify_all()
        self._closed.put(chunk)

    # The thread that stores.

    def _write(self) -> None:
        while True:
            chunk = self._closed.get()
            self._store(chunk)
            with self._moved:
                self._open.discard(chunk)
                self._moved.notify_all()


def _or_exit(work: Callable[[], None]) -> None:
    """Run a thread, and end the process if it fails: the pipeline would keep its chunks forever."""
    try:
        work()
    except BaseException as exc:  # noqa: BLE001 - whatever it is
        _log.critical("a fault of the program", error=type(exc).__name__)
        os._exit(_FAULT)
