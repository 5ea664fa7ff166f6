"""A bar on standard error where that is a terminal."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, Progress, TextColumn

from scheduler.console import PlainConsole


class Bar:
    """A description, a bar and words, in one line of a terminal; shown nowhere else.

    ``console``: standard error, for lines beside the bar or instead of it.
    """

    def __init__(self, description: TextColumn, *, width: int) -> None:
        self.console = PlainConsole(stderr=True, highlight=False)
        self._bar = Progress(
            description,
            BarColumn(bar_width=width),
            TextColumn("{task.fields[words]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, words="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._bar.stop()

    def move(self, description: str, words: str, done: int, total: int | None) -> None:
        """Show this much of ``total`` done; a bar that moves to and fro where it is None."""
        self._bar.update(
            self._task, description=description, words=words, completed=done, total=total
        )
