"""Running a batch to its end: intake, starting processes, waiting, stopping."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from db.database import Database
from db.query.status import batch_status
from db.records import Batch, BatchStatus, IntakeCount
from scheduler.errors import NoFiles, WorkersGone
from scheduler.intake.submission import enqueue
from scheduler.local_processes import open_stack
from scheduler.log_files import last_line
from scheduler.settings import Settings
from scheduler.stack import Stack

#: Shortest pause between two queries of the batch; at least ten times the last query's duration.
LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
#: Restarts of one process without a file having ended, after which the run is aborted.
HOPELESS_RESTARTS = 4


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The final status of a batch, and the counts of its intake."""

    status: BatchStatus
    taken: IntakeCount


class ProgressDisplay(Protocol):
    """Displays the progress of a batch."""

    def take_in(self, count: IntakeCount) -> None:
        """Show the counts of the intake so far."""
        ...

    def measure(self, status: BatchStatus) -> None:
        """Show the ledger while the workers measure."""
        ...

    def show(self, what: str, words: str) -> None:
        """Show another step, with a detail."""
        ...


class Work:
    """The processes of one `process` command, started with the first queued file."""

    def __init__(self, settings: Settings, device: str) -> None:
        self.settings = settings
        self.device = device
        self.stack: Stack | None = None

    def start(self) -> None:
        """Start broker, upkeep and workers unless they run."""
        if self.stack is None:
            stack = open_stack(self.settings, self.device)
            self.stack = stack
            stack.start()

    def tend(self) -> None:
        """Restart processes that have died."""
        if self.stack is not None:
            self.stack.tend()

    def stop(self) -> None:
        """Stop the processes; workers return their unmeasured files."""
        if self.stack is not None:
            self.stack.stop()


def run_batch(
    database: Database,
    paths: Sequence[Path],
    batch: Batch,
    settings: Settings,
    *,
    progress: ProgressDisplay,
    device: str,
    model: str | None = None,
) -> BatchResult:
    """Queue the paths and return when every file of the batch has ended.

    ``model``: version of the network; None: the served one.
    Ctrl-C and SIGTERM raise KeyboardInterrupt once everything has stopped.
    Raises NoFiles, WorkersGone.
    """
    work = Work(settings, device)
    with terminable():
        try:

            def took_in(count: IntakeCount) -> None:
                progress.take_in(count)
                if count.queued:
                    work.start()
                work.tend()

            count = enqueue(database, paths, batch, settings, model=model, progress=took_in)
            if not count.seen:
                raise NoFiles(f"no files in {', '.join(map(str, paths))}")
            return BatchResult(wait(database, batch, work, progress), count)
        finally:
            if work.stack is not None:
                progress.show("stopping", "workers return their unmeasured files")
            work.stop()


def wait(database: Database, batch: Batch, work: Work, progress: ProgressDisplay) -> BatchStatus:
    """Keep the workers running until the batch has ended. Raises WorkersGone."""
    looked_at = float("-inf")
    pause = LOOK_SECONDS
    ended = -1
    restarts_before: dict[str, int] = {}
    while True:
        now = time.monotonic()
        if now - looked_at >= pause:
            status = batch_status(database, batch.name)
            looked_at = time.monotonic()
            pause = min(max(LOOK_SECONDS, 10 * (looked_at - now)), LONGEST_PAUSE_SECONDS)
            progress.measure(status)
            if not status.open:
                return status
            work.start()
            if work.stack is not None:
                if status.settled != ended:
                    ended = status.settled
                    restarts_before = {each.name: each.restarts for each in work.stack.members}
                give_up_if_hopeless(work.stack, restarts_before)
        work.tend()
        time.sleep(LOOK_SECONDS / 2)


def give_up_if_hopeless(stack: Stack, restarts_before: dict[str, int]) -> None:
    """Raise WorkersGone if a process cannot start, or keeps dying while no file ends."""
    for member in stack.members:
        restarts = member.restarts - restarts_before.get(member.name, 0)
        if member.last_exit == os.EX_CONFIG or restarts >= HOPELESS_RESTARTS:
            last_words = last_line(member.log)[:200]
            raise WorkersGone(f"{member.name} keeps dying ({last_words}); see {member.log}")


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that a service manager stops the run cleanly."""

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
