"""The readers: several reading processes that read one chunk's files ahead of the device."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from db.records import ClaimedJob, Refusal
from radiograph.errors import FileUnavailable, RadiographError
from radiograph.reading import ReadLimits
from worker.errors import ContentChanged, ReaderCrashed, ReaderTimeout, ReaderUnavailable
from worker.reader_process import ReaderProcess, RefusedFile
from worker.wire import ReadFile

#: Refusals that may be the path's fault: another path with the same content is tried.
_OF_THE_PATH = frozenset({FileUnavailable.code, ContentChanged.code, ReaderTimeout.code})
#: Processes one file may crash before it is blamed; the first crash may be somebody else's doing.
_CRASHES = 2
_POLL_SECONDS = 0.2


@dataclass(slots=True)
class _Request:
    job: ClaimedJob
    answers: queue.SimpleQueue[_Answer]
    abandoned: threading.Event


@dataclass(frozen=True, slots=True)
class _Answer:
    job: ClaimedJob
    read: ReadFile | RefusedFile | None = None
    error: Exception | None = field(default=None)


class Readers:
    """``count`` reading processes, each served by a thread that lives as long as the worker."""

    def __init__(
        self,
        count: int,
        limits: ReadLimits,
        *,
        timeout_seconds: float,
        memory_mb: int,
        roots: Sequence[Path] = (),
    ) -> None:
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._processes = [
            ReaderProcess(limits, timeout_seconds=timeout_seconds, memory_mb=memory_mb, roots=roots)
            for _ in range(count)
        ]
        self._threads = [
            threading.Thread(target=self._serve, args=(each,), name="reader", daemon=True)
            for each in self._processes
        ]
        for thread in self._threads:
            thread.start()

    def read(
        self, jobs: Sequence[ClaimedJob], check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[ClaimedJob, ReadFile | RefusedFile]]:
        """Yield each job's file as it is read, in any order.

        ``check`` is called between files and ends the reading by raising. Raises
        ReaderUnavailable.
        """
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        abandoned = threading.Event()
        for job in jobs:
            self._requests.put(_Request(job, answers, abandoned))
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

    def close(self) -> None:
        """End the processes and their threads."""
        for _ in self._threads:
            self._requests.put(None)
        for process in self._processes:
            process.interrupt()
        for thread in self._threads:
            thread.join()

    def _serve(self, process: ReaderProcess) -> None:
        try:
            while (request := self._requests.get()) is not None:
                if request.abandoned.is_set():
                    continue
                try:
                    answer = _Answer(request.job, read=_read(process, request.job))
                except Exception as exc:  # noqa: BLE001 - raised again where the files are awaited
                    answer = _Answer(request.job, error=exc)
                request.answers.put(answer)
        finally:
            process.close()


def _read(process: ReaderProcess, job: ClaimedJob) -> ReadFile | RefusedFile:
    """Read the first of a job's paths that can be read. Raises ReaderUnavailable."""
    refused: RefusedFile | None = None
    for path in job.paths:
        read = _read_path(process, path, job.sha256)
        if isinstance(read, ReadFile) or read.refusal.code not in _OF_THE_PATH:
            return read
        # A file that is away now is the reason worth telling: it may come back.
        if refused is None or not read.refusal.permanent:
            refused = read
    if refused is None:
        raise ReaderUnavailable("a job without a path; this is a fault of the program")
    return refused


def _read_path(process: ReaderProcess, path: str, sha256: str) -> ReadFile | RefusedFile:
    crashes = 0
    while True:
        try:
            return process.read(path, sha256)
        except ReaderCrashed as exc:
            crashes += 1
            if crashes == _CRASHES:
                return RefusedFile(_refusal(exc))
        except ReaderTimeout as exc:
            return RefusedFile(_refusal(exc))


def _refusal(error: RadiographError) -> Refusal:
    return Refusal(error.code, str(error), error.disposition, error.permanent)
