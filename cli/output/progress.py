"""Progress of a batch: a bar on a terminal, an occasional line in a log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from rich.progress import TextColumn

from cli.output.bar import Bar
from db.records import BatchStatus, IntakeCount
from results.duration import duration
from scheduler.terminal import printable

#: Window of the rate.
WINDOW_SECONDS = 30.0
#: Pause between two lines without a terminal.
LINE_SECONDS = 10.0
#: Workers load the network within this time; a longer wait has a cause.
HINT_SECONDS = 45.0


class Rate:
    """Files per second over the last half minute.

    The window starts with the first files that ended, so that the workers' start does not count.
    """

    def __init__(self) -> None:
        self.points: deque[tuple[float, int]] = deque()
        self.began = False

    def note(self, ended: int, now: float) -> None:
        """Add a count."""
        changed = bool(self.points) and ended != self.points[-1][1]
        if not self.began:
            self.points.clear()
            self.began = changed
        self.points.append((now, ended))
        while len(self.points) > 2 and now - self.points[1][0] > WINDOW_SECONDS:
            self.points.popleft()

    @property
    def per_second(self) -> float | None:
        """The rate; None before two counts differ."""
        if len(self.points) < 2:
            return None
        (start, before), (end, after) = self.points[0], self.points[-1]
        return (after - before) / (end - start) if after > before and end > start else None


class BatchProgress(Bar):
    """Shows a batch on standard error during intake and measurement.

    ``absent``: returns a sentence per absent process; called while no worker takes a file.
    """

    def __init__(self, absent: Callable[[], list[str]] = list) -> None:
        super().__init__(TextColumn("{task.description:<9}", markup=False), width=30)
        self.absent = absent
        self.cause = ""
        self.asked_at = float("-inf")
        self.rate = Rate()
        self.began = time.monotonic()
        self.last_line = 0.0

    def take_in(self, count: IntakeCount) -> None:
        """Show the counts of the intake so far."""
        words = f"{count.seen} files seen, {count.queued} queued"
        if count.known:
            words += f", {count.known} already known"
        self.show("taking in", words)

    def measure(self, status: BatchStatus) -> None:
        """Show the ledger while the workers measure."""
        ended = status.measured + status.set_aside + status.failed
        self.rate.note(ended, time.monotonic())
        words = f"{status.settled} of {status.seen}"
        rate = self.rate.per_second
        if rate:
            words += f"  {rate:.1f}/s  {duration(status.open / rate)} left"
        elif status.running:
            words += "  working"
        elif status.open:
            words += self.waiting()
        if status.failed:
            words += f"  {status.failed} failed"
        self.show("measuring", words, status.settled, status.seen)

    def waiting(self) -> str:
        """Return what the batch waits for while no worker has taken a file."""
        seconds = time.monotonic() - self.began
        if seconds < HINT_SECONDS:
            return "  waiting for a worker"
        if time.monotonic() - self.asked_at >= LINE_SECONDS:
            sentences = self.absent()
            self.asked_at = time.monotonic()
            self.cause = sentences[0] if sentences else "see `thoraq doctor` and the logs"
        return f"  no worker for {duration(seconds)}: {self.cause}"

    def show(self, what: str, words: str, done: int = 0, total: int | None = None) -> None:
        """Move the bar, or print a line if the last one is old enough."""
        words = printable(words)
        if self.console.is_terminal:
            self.move(what, words, done, total)
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            self.console.print(f"{what}: {words}", soft_wrap=True)
