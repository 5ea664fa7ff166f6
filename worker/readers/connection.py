"""The worker's connection to one reading process: start, requests, time limits, replacement."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from db.records import Refusal
from radiograph.errors import Disposition
from radiograph.image import Radiograph
from radiograph.reading import ReadLimits
from radiograph.records import Header
from worker.errors import ReaderCrashed, ReaderOutOfMemory, ReaderTimeout, ReaderUnavailable
from worker.readers.wire import (
    PIPE_BYTES,
    Incoming,
    ReadFile,
    frame,
    header_of,
    picture_of,
    read_file_of,
    unframe,
)

T = TypeVar("T")

#: For importing the decoders on a busy machine.
_START_SECONDS = 120.0
_END_SECONDS = 10.0
#: Longest time that answers may pile up, in case the predicting thread hangs.
_PILING_SECONDS = 0.25

#: A path, and the SHA-256 of the content expected there.
Wanted = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that could not be read, and its header as far as it was read."""

    refusal: Refusal
    header: Header | None = None


class ReaderProcess:
    """A reading process, started on first use, and used by one thread.

    The kernel kills the process when the thread that started it ends.
    """

    def __init__(
        self,
        limits: ReadLimits,
        *,
        timeout_seconds: float,
        memory_mb: int,
        roots: Sequence[Path] = (),
        awaited: threading.Event | None = None,
    ) -> None:
        """``awaited``: cleared while answers may pile up, as nobody waits for them."""
        self._configuration = {
            "limits": asdict(limits),
            "memory_mb": memory_mb,
            "roots": [str(each) for each in roots],
        }
        self._timeout_seconds = timeout_seconds
        self._awaited = awaited
        self._process: subprocess.Popen[bytes] | None = None
        self._ahead: deque[Wanted] = deque()
        self._incoming: Incoming | None = None
        self._deadline = 0.0

    @property
    def pid(self) -> int | None:
        """Return the process id; None before the first file and between two processes."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process before its first file. Raises ReaderUnavailable."""
        self._started()

    def expect(self, files: Sequence[Wanted]) -> None:
        """Request the files that are read next, in their order, so that the process never waits.

        `read` requests those again that could not be requested here, or were lost in a crash.
        """
        asked: list[Wanted] = []
        requests = b""
        with contextlib.suppress(ReaderUnavailable, EOFError, BrokenPipeError):
            process = self._started()
            # Limited, since requests that fill the pipe would deadlock with the answers.
            most = (
                0 if process.stdin is None else fcntl.fcntl(process.stdin, fcntl.F_GETPIPE_SZ) // 2
            )
            for wanted in files:
                request = _request(wanted)
                if len(requests) + len(request) > most:
                    break
                requests += request
                asked.append(wanted)
            self._send(process, requests)
            self._ahead.extend(asked)

    def read(self, path: str, sha256: str) -> ReadFile | RefusedFile:
        """Read one file. Raises ReaderCrashed, ReaderTimeout, ReaderUnavailable."""
        wanted = (path, sha256)
        return self._answer(wanted, _request(wanted), read_file_of)

    def picture(self, path: str, sha256: str, side_px: int) -> Radiograph | RefusedFile:
        """Read one file as a picture whose longer side is ``side_px``. Raises as `read` does."""
        request = frame({"path": path, "sha256": sha256, "side_px": side_px})
        return self._answer(None, request, picture_of)

    def _answer(
        self, wanted: Wanted | None, request: bytes, unpack: Callable[[dict[str, Any], bytes], T]
    ) -> T | RefusedFile:
        process, asked = self._process_for(wanted)
        try:
            if not asked:
                self._send(process, request)
            fields, data = self._receive(self._timeout_seconds)
            if "code" not in fields:
                return unpack(fields, data)
        except (EOFError, BrokenPipeError) as exc:
            raise ReaderCrashed.because(self._ended(process)) from exc
        except TimeoutError as exc:
            self.close()
            seconds = self._timeout_seconds
            raise ReaderTimeout.because(f"over {seconds:g} s") from exc
        except (ValueError, KeyError, TypeError) as exc:
            self.close()
            raise ReaderCrashed.because("its answer is invalid") from exc
        if fields["code"] == ReaderOutOfMemory.code:
            self.close()  # its memory is fragmented
        return RefusedFile(
            Refusal(
                fields["code"],
                fields["detail"],
                Disposition(fields["disposition"]),
                fields["permanent"],
            ),
            None if fields["header"] is None else header_of(fields["header"]),
        )

    def close(self) -> None:
        """End the process; the next file starts another."""
        if self._process is not None:
            self._process.kill()
            self._ended(self._process)

    def interrupt(self) -> None:
        """Kill the process during a read, from another thread."""
        if (process := self._process) is not None:
            process.kill()

    def _process_for(self, wanted: Wanted | None) -> tuple[subprocess.Popen[bytes], bool]:
        """Return the process, and whether this file was already requested from it."""
        if self._ahead and self._process is not None:
            if self._ahead.popleft() == wanted:
                return self._process, True
            self.close()  # its next answer would be for another file
        return self._started(), False

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        try:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "worker.readers.reader", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
            self._incoming = self._incoming_of(process)
            self._send(process, frame(self._configuration))
            self._receive(_START_SECONDS)
        except (OSError, EOFError, ValueError) as exc:  # TimeoutError is an OSError
            self.close()
            raise ReaderUnavailable from exc
        return process

    def _send(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        if process.stdin is None:
            raise EOFError
        process.stdin.write(data)

    def _receive(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Receive one frame. Raises EOFError, TimeoutError, ValueError."""
        if self._incoming is None:
            raise EOFError
        self._deadline = time.monotonic() + seconds
        return unframe(self._incoming.exactly)

    def _incoming_of(self, process: subprocess.Popen[bytes]) -> Incoming:
        if process.stdout is None:
            raise EOFError
        awaited = self._awaited
        try:
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:  # over the user's limit for pipes: no answers can pile up in this one
            awaited = None
        ready = select.poll()
        ready.register(process.stdout, select.POLLIN)

        def wait() -> None:
            if awaited is not None:
                awaited.wait(_PILING_SECONDS)
            left = self._deadline - time.monotonic()
            if not ready.poll(max(left, 0.0) * 1000):
                raise TimeoutError

        return Incoming(process.stdout.fileno(), wait)

    def _ended(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for the process to end and return how it did."""
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = self._incoming = None
        self._ahead.clear()
        try:
            code = process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # it ends once the share that it waits for answers
            return "it hangs"
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def _request(wanted: Wanted) -> bytes:
    path, sha256 = wanted
    return frame({"path": path, "sha256": sha256})
