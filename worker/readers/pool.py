"""A pool of reading processes, which read files ahead of the device."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from db.records import ClaimedJob, Refusal
from radiograph.errors import FileUnavailable
from radiograph.reading import ReadLimits
from worker.errors import (
    ContentChanged,
    ReaderCrashed,
    ReaderTimeout,
    ReaderUnavailable,
    RootUnknown,
)
from worker.readers.connection import ReaderProcess, RefusedFile
from worker.readers.wire import ReadFile

T = TypeVar("T")

#: Refusals that may be due to the path: another path with the same content is tried.
_PATH_FAULTS = frozenset(
    {FileUnavailable.code, RootUnknown.code, ContentChanged.code, ReaderTimeout.code}
)
#: Crashes after which a file is blamed; the first one may have another cause.
_CRASHES = 2
_POLL_SECONDS = 0.2
#: Files requested from a reading process at a time, so that it does not wait between files.
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: a file, an error, or neither if the request was abandoned."""

    job: ClaimedJob
    read: ReadFile | RefusedFile | None = None
    error: Exception | None = field(default=None)


@dataclass(frozen=True, slots=True)
class _Request:
    job: ClaimedJob
    tell: Callable[[Answer], None]
    abandoned: threading.Event


class Readers:
    """``count`` reading processes, each served by a thread for the life of the worker."""

    def __init__(
        self,
        count: int,
        limits: ReadLimits,
        *,
        timeout_seconds: float,
        memory_mb: int,
        roots: Sequence[Path] = (),
    ) -> None:
        self.count = count
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._awaited = threading.Event()
        self._awaited.set()
        self._processes = [
            ReaderProcess(
                limits,
                timeout_seconds=timeout_seconds,
                memory_mb=memory_mb,
                roots=roots,
                awaited=self._awaited,
            )
            for _ in range(count)
        ]
        self._threads = [
            threading.Thread(target=self._serve, args=(each,), name="reader", daemon=True)
            for each in self._processes
        ]
        for thread in self._threads:
            thread.start()

    def ask(
        self,
        jobs: Sequence[ClaimedJob],
        tell: Callable[[Answer], None],
        abandoned: threading.Event,
    ) -> None:
        """Request files, read in their order after earlier requests.

        ``tell`` is called once per file, from any thread, in any order. Files that no process has
        begun when ``abandoned`` is set are not read.
        """
        for job in jobs:
            self._requests.put(_Request(job, tell, abandoned))

    def read(
        self, jobs: Sequence[ClaimedJob], check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[ClaimedJob, ReadFile | RefusedFile]]:
        """Yield each job's file as it is read, in any order.

        ``check`` is called between files and ends the reading by raising. Raises
        ReaderUnavailable.
        """
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        abandoned = threading.Event()
        self.ask(jobs, answers.put, abandoned)
        try:
            waiting = len(jobs)
            while waiting:
                check()
                try:
                    answer = answers.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                waiting -= 1
                if answer.error is not None:
                    raise answer.error
                if answer.read is not None:
                    yield answer.job, answer.read
        finally:
            abandoned.set()

    @contextlib.contextmanager
    def piling(self) -> Iterator[None]:
        """Let answers pile up while the caller has other work, and receive many at a time.

        A thread that wakes up for each answer finds the CPU caches full of other data: 0.3 core-ms
        per answer on a CPU instead of 0.1.
        """
        self._awaited.clear()
        try:
            yield
        finally:
            self._awaited.set()

    def close(self) -> None:
        """End the processes and their threads."""
        self._closing.set()
        for _ in self._threads:
            self._requests.put(None)
        for process in self._processes:
            process.interrupt()
        for thread in self._threads:
            thread.join()

    def _serve(self, process: ReaderProcess) -> None:
        # Importing the decoders takes a second; no file should wait for it.
        with contextlib.suppress(ReaderUnavailable):
            process.start()
        try:
            while run := self._taken():
                jobs = [request.job for request in run]
                process.expect([(path, job.sha256) for job in jobs for path in job.paths[:1]])
                for request in run:
                    if request.abandoned.is_set() or self._closing.is_set():
                        process.close()  # it has requests that were abandoned
                        request.tell(Answer(request.job))
                    else:
                        request.tell(_answer(process, request.job))
        finally:
            process.close()

    def _taken(self) -> list[_Request]:
        """Wait for a request and take some more, if as many are left for every other process.

        Abandoned requests are answered here. Return none at the end. A job with several paths is
        the last one, as another path of it may have to be read before the next file.
        """
        taken: list[_Request] = []
        while not taken or len(taken) < min(
            _MOST_AT_ONCE, 1 + self._requests.qsize() // self.count
        ):
            try:
                request = self._requests.get(block=not taken)
            except queue.Empty:
                break
            if request is None:
                if taken:
                    self._requests.put(None)
                break
            if request.abandoned.is_set():
                request.tell(Answer(request.job))
                continue
            taken.append(request)
            if len(request.job.paths) > 1:
                break
        return taken


def _answer(process: ReaderProcess, job: ClaimedJob) -> Answer:
    try:
        return Answer(job, read=_read(process, job))
    except Exception as exc:  # noqa: BLE001 - raised again where the files are awaited
        return Answer(job, error=exc)


def _read(process: ReaderProcess, job: ClaimedJob) -> ReadFile | RefusedFile:
    """Read the first of a job's paths that can be read. Raises ReaderUnavailable."""
    refused: RefusedFile | None = None
    for path in job.paths:
        read = _read_path(process, path, job.sha256)
        if isinstance(read, ReadFile) or read.refusal.code not in _PATH_FAULTS:
            return read
        # Prefer to report an unavailable file, which may become available again.
        if refused is None or not read.refusal.permanent:
            refused = read
    if refused is None:
        raise ReaderUnavailable("a job without a path; this is a fault of the program")
    return refused


def _read_path(process: ReaderProcess, path: str, sha256: str) -> ReadFile | RefusedFile:
    return ask_reader(lambda: process.read(path, sha256))


def ask_reader(ask: Callable[[], T | RefusedFile]) -> T | RefusedFile:
    """Request a file from a reading process; refuse one that kills the process.

    Raises ReaderUnavailable.
    """
    crashes = 0
    while True:
        try:
            return ask()
        except ReaderCrashed as exc:
            crashes += 1
            if crashes == _CRASHES:
                return RefusedFile(Refusal.of(exc))
        except ReaderTimeout as exc:
            return RefusedFile(Refusal.of(exc))
