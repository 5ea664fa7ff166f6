"""Measuring in this process, with the worker's reading processes but without queue or database.

Files are hashed and read ahead of the network, in reading processes, and results are yielded in the
order of the files. Memory use does not grow with their number.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from db.records import ClaimedJob, Outcome, Refusal
from network.card import ModelCard
from radiograph.errors import Disposition
from scheduler.cores import usable_cores
from scheduler.intake.content import look_into
from scheduler.intake.walk import FoundFile
from scheduler.settings import Settings
from worker.errors import ReaderUnavailable, StopRequested
from worker.file_measurement import FileMeasurement
from worker.file_records import FileCount, MeasuredFile, UnmeasuredFile
from worker.limits import read_limits
from worker.networks import open_measurement
from worker.readers.connection import RefusedFile
from worker.readers.pool import Readers
from worker.readers.wire import ReadFile

#: Device batches that are read ahead of the one being predicted.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class _FoundFile:
    """A file that was hashed and read. ``job``: None if it was refused before reading."""

    path: str
    job: ClaimedJob | None = None
    read: ReadFile | RefusedFile | None = None
    refusal: Refusal | None = None


def measure_files(
    met: Iterable[FoundFile],
    card: ModelCard,
    settings: Settings,
    *,
    device: str,
    name: str,
    progress: Callable[[FileCount], None] = lambda _: None,
) -> Iterator[MeasuredFile | UnmeasuredFile]:
    """Yield the outcome of each file, in their order.

    ``device``: cpu or cuda:N. ``name``: of the worker, for the provenance. ``progress`` is called
    after each device batch. Raises ModelUnavailable, DeviceFailed, ReaderUnavailable, KeyUnusable,
    but nothing for a single file.
    """
    measurement = open_measurement(card, settings, device=device, name=name)
    remaining = iter(met)
    count = FileCount()
    with _ReadAhead.running(settings, device) as ahead:
        waiting: deque[Future[_FoundFile]] = deque()
        while True:
            room = (1 + _AHEAD) * measurement.device_batch - len(waiting)
            waiting.extend(ahead.submit(each) for each in islice(remaining, room))
            if not waiting:
                return
            some = [
                waiting.popleft().result()
                for _ in range(min(measurement.device_batch, len(waiting)))
            ]
            ended = _measured(some, measurement)
            for each in ended:
                count = _counted(count, each)
            progress(count)
            yield from ended


class _ReadAhead:
    """Hashes and reads files, a few at a time."""

    def __init__(self, pool: ThreadPoolExecutor, readers: Readers, max_file_mb: int) -> None:
        self._pool = pool
        self._readers = readers
        self._max_file_mb = max_file_mb
        self._stopping = threading.Event()

    @classmethod
    @contextmanager
    def running(cls, settings: Settings, device: str) -> Iterator[_ReadAhead]:
        """Start the reading processes, and end them with the block."""
        count = settings.readers or max(1, usable_cores() - (device == "cpu"))
        readers = Readers(
            count,
            read_limits(settings),
            timeout_seconds=settings.read_timeout_seconds,
            memory_mb=settings.read_memory_mb,
            roots=settings.allowed_roots,
        )
        # One more than there are readers, to hash the next file while they read.
        pool = ThreadPoolExecutor(count + 1, thread_name_prefix="read-ahead")
        ahead = cls(pool, readers, settings.max_file_mb)
        try:
            yield ahead
        finally:
            ahead._stopping.set()
            readers.close()
            pool.shutdown(cancel_futures=True)

    def submit(self, met: FoundFile) -> Future[_FoundFile]:
        """Start hashing and reading a file."""
        return self._pool.submit(self._read, met)

    def _read(self, met: FoundFile) -> _FoundFile:
        """Hash and read a file. Raises ReaderUnavailable, StopRequested."""
        path = met.stat.path
        if met.refusal is not None:
            return _FoundFile(path, refusal=met.refusal)
        seen = look_into(met.stat, self._max_file_mb)
        if seen.refusal is not None or seen.sha256 is None or seen.format is None:
            return _FoundFile(path, refusal=seen.refusal)
        job = ClaimedJob(
            job_id=0,
            radiograph_id=0,
            paths=(path,),
            sha256=seen.sha256,
            format=seen.format,
            attempt=1,
        )
        for _, read in self._readers.read([job], self._check):
            return _FoundFile(path, job, read)
        raise StopRequested

    def _check(self) -> None:
        if self._stopping.is_set():
            raise StopRequested


def _measured(
    some: Sequence[_FoundFile], measurement: FileMeasurement
) -> list[MeasuredFile | UnmeasuredFile]:
    """Predict and measure the readable files, in one device batch. Raises DeviceFailed."""
    ready = [(each.job, each.read) for each in some if each.job and isinstance(each.read, ReadFile)]
    outcomes = iter(measurement.outcomes(ready) if ready else [])
    ended: list[MeasuredFile | UnmeasuredFile] = []
    for each in some:
        if each.job is None:
            outcome = Outcome(0, refusal=each.refusal)
        elif isinstance(each.read, RefusedFile):
            outcome = measurement.refused(each.job, each.read)
        else:
            outcome = next(outcomes)
        ended.append(_file_of(each, outcome))
    return ended


def _file_of(found: _FoundFile, outcome: Outcome) -> MeasuredFile | UnmeasuredFile:
    job, refusal = found.job, outcome.refusal
    if job and outcome.header and outcome.measurement and outcome.provenance:
        return MeasuredFile(
            path=found.path,
            sha256=job.sha256,
            pixel_digest=outcome.pixel_digest,
            header=outcome.header,
            measurement=outcome.measurement,
            provenance=outcome.provenance,
        )
    if refusal is None:
        raise ReaderUnavailable("a file without an outcome; this is a fault of the program")
    return UnmeasuredFile(
        path=found.path,
        code=refusal.code,
        detail=refusal.detail,
        disposition=refusal.disposition,
        permanent=refusal.permanent,
        header=outcome.header,
    )


def _counted(count: FileCount, each: MeasuredFile | UnmeasuredFile) -> FileCount:
    if isinstance(each, MeasuredFile):
        return replace(count, measured=count.measured + 1)
    if each.disposition is Disposition.SET_ASIDE:
        return replace(count, set_aside=count.set_aside + 1)
    return replace(count, failed=count.failed + 1)
