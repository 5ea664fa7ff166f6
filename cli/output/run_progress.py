"""Progress of a training run: a bar on a terminal, a line per evaluation in a log."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.progress import TextColumn
from rich.table import Column

from cli.output.bar import Bar
from db.database import Database
from db.states import RunState
from db.training.records import TrainingRun
from db.training.runs import find_run
from results.duration import duration
from results.run_rows import is_judged, is_over, loss_text, phase_text
from scheduler.terminal import printable

#: Pause between two queries of a run.
LOOK_SECONDS = 1.0
#: Pause between two checks of why a run waits.
REASON_SECONDS = 15.0


def follow_run(database: Database, name: str, reason: Callable[[TrainingRun], str]) -> TrainingRun:
    """Show a run until it has ended. Raises RunUnknown."""
    with RunProgress(reason) as progress:
        while True:
            run = find_run(database, name)
            progress.show(run)
            if is_over(run):
                return run
            time.sleep(LOOK_SECONDS)


class RunProgress(Bar):
    """Shows a run on standard error; ``reason`` returns why a run waits."""

    def __init__(self, reason: Callable[[TrainingRun], str]) -> None:
        column = Column(min_width=10, no_wrap=True)
        description = TextColumn("{task.description}", markup=False, table_column=column)
        super().__init__(description, width=20)
        self.reason = reason
        self.reason_due = 0.0
        self.waits_for = ""
        self.state: RunState | None = None
        self.last_line = ""

    def show(self, run: TrainingRun) -> None:
        """Move the bar, or print a line if something has changed."""
        last = run.last
        what = printable(str(run.state) if last is None else phase_text(run, last))
        words = printable(self.words(run))
        if self.console.is_terminal:
            if self.waits_for not in {"", self.last_line}:
                self.last_line = self.waits_for
                self.console.print(self.waits_for, soft_wrap=True)
            words = "" if self.waits_for else f"{what}  {words}"
            done, total = (0, None) if last is None else (last.step, last.steps)
            self.move(str(run.state), words, done, total)
        elif (line := f"{what}: {words}") != self.last_line:
            self.last_line = line
            self.console.print(line, soft_wrap=True)

    def words(self, run: TrainingRun) -> str:
        """Return epoch, loss, errors and time left, or what a waiting run waits for."""
        now = time.monotonic()
        if now >= self.reason_due or run.state is not self.state:
            self.reason_due = now + REASON_SECONDS
            self.state = run.state
            self.waits_for = printable(self.reason(run))
        if self.waits_for:
            return self.waits_for
        last = run.last
        if last is None:
            return "reading the radiographs; first steps"
        if is_judged(run, last):
            return "all steps done; calibrating and testing the network"
        return (
            f"epoch {last.epoch:.1f} of {last.epochs:.1f}  error {last.error_px224:.2f} px"
            f"  best {last.best_px224:.2f} px  {duration(last.seconds_left)} left"
            f"  loss: {loss_text(last.loss_parts)}"
        )
