"""The pipeline: chunks overlap, so that nothing stands still between two of them.

While one chunk is read, the one before it is predicted and the one before that stored. Batches are
formed across their borders. Three threads see to it: whoever puts chunks on, the one that predicts
and measures, and the one that stores.
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

#: How long a file that was read waits for others to be predicted with.
_COMPANY_SECONDS = 0.5
#: Chunks that may wait to be stored: more only pile up before a database that is away.
_UNSTORED = 2
_POLL_SECONDS = 0.2
#: A device batch takes seconds, and minutes where the device's code is compiled for it.
_HUNG_SECONDS = 600.0
#: EX_SOFTWARE of sysexits.h: a child that cannot go on; its leases bring back what it held.
_FAULT = 70


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A reading process's answer, or why a chunk, None: every chunk, goes back."""

    chunk: ChunkAtWork | None
    answer: Answer | None = None
    reason: WorkerError | None = None


class Pipeline:
    """Carries chunks from their claims to the database. One thread alone puts them on.

    ``store`` stores what a closed chunk has come to and gives back the rest.
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
            threading.Thread(target=_or_end, args=(work,), name=name, daemon=True).start()

    def carry(self, chunk: ChunkAtWork, check: Callable[[], None]) -> None:
        """Put a chunk on; returns when the next one should come, with this one's end under way.

        The next one should come when only this one is left, and of it no more than a device batch
        and a file for each reader: so neither waits, and an urgent chunk that arrives has no more
        than that before it.
        What came back after a worker's end goes alone, so that no other file shares the blame.
        ``check`` is called meanwhile; when it raises, the rest of the chunk goes back.
        Raises what ``check`` does, and WorkerError where the worker cannot go on.
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
        """Wait until all of it is stored or given back; whether that was so in time."""
        with self._moved:
            return self._moved.wait_for(lambda: not self._open, seconds)

    def give_back(self, reason: WorkerError) -> None:
        """Close every chunk: what was read is predicted, what was not goes back."""
        self._arrivals.put(_Arrival(None, reason=reason))

    def _wants_more(self, last: ChunkAtWork) -> bool:
        before = [each for each in self._open if each is not last]
        unstored = sum(each.closed for each in before)
        ahead = last.measurement.device_batch + self._readers.count
        return unstored == len(before) <= _UNSTORED and last.unended <= ahead

    def _wait(self, condition: Callable[[], bool], check: Callable[[], None]) -> None:
        """Wait for a condition. Raises what ``check`` does, and what the worker fails for."""
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

    # What the thread that measures does.

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
                # The worker's condition, not a chunk's: everything it holds goes back.
                self._device_batch.clear()
                with self._moved:
                    self._failure = exc
                self._end(None, exc)

    def _next(self) -> _Arrival | None:
        """Wait for an arrival; None: the time has come to predict what is there."""
        if not self._device_batch:
            return self._arrivals.get()
        with self._moved:
            reading = any(chunk.unread for chunk in self._open if not chunk.closed)
        wait = self._oldest + _COMPANY_SECONDS - time.monotonic() if reading else 0.0
        try:
            return self._arrivals.get(timeout=max(wait, 0.0))
        except queue.Empty:
            return None

    def _take(self, chunk: ChunkAtWork, answer: Answer) -> None:
        """Take a file that was read. Raises LeaseLost, and what the worker fails for."""
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
        """Predict what is there. Raises DeviceFailed."""
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
        """Close a chunk, None: every one, before all of it has an outcome."""
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

    # What the thread that stores does.

    def _write(self) -> None:
        while True:
            chunk = self._closed.get()
            self._store(chunk)
            with self._moved:
                self._open.discard(chunk)
                self._moved.notify_all()


def _or_end(work: Callable[[], None]) -> None:
    """End the process with a thread it cannot do without: a half pipeline would hold its chunks."""
    try:
        work()
    except BaseException as exc:  # noqa: BLE001 - whatever it is
        _log.critical("a fault of the program", error=type(exc).__name__)
        os._exit(_FAULT)
