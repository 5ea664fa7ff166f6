r"""What a terminal or a log is sent: no character that would steer it.

Names of files are bytes of anybody's choice, headers and messages hold what others wrote. Escape
sequences, other control characters, marks that turn the direction of writing and what has no width
are written as ``\x1b`` and the like.
"""

from __future__ import annotations

import argparse
import sys
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import NoReturn, TypeVar

_LINES = "\n\t"

T = TypeVar("T")


def printable(text: str) -> str:
    """Return the text as one line without what a terminal must not receive."""
    return text if text.isprintable() else _without_controls(text, "")


def printable_lines(text: str) -> str:
    """Return the text with its ends of lines and tabs, and else as `printable` does."""
    return text if text.isprintable() else _without_controls(text, _LINES)


def printable_row(row: Mapping[str, T]) -> dict[str, T | str]:
    """Return a row of a table, its names too, with texts as `printable_lines` gives them."""
    return {
        printable_lines(name): printable_lines(value) if isinstance(value, str) else value
        for name, value in row.items()
    }


def printable_json(text: str) -> str:
    """Return JSON that is ASCII without the one control character JSON does not escape."""
    return text.replace("\x7f", "\\u007f")


def _without_controls(text: str, kept: str) -> str:
    return "".join(
        char
        if char.isprintable() or char in kept
        else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


class Parser(argparse.ArgumentParser):
    """An argument parser that does not repeat controls of what it was given."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Leave; print the message without controls."""
        super().exit(status, None if message is None else printable_lines(message))


def print_faults() -> None:
    """Have errors that nothing catches printed without controls, from now on."""
    sys.excepthook = _print_fault
    threading.excepthook = _print_fault_of_thread


def _print_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    del kind, trace
    sys.stderr.write(printable_lines("".join(traceback.format_exception(error))))


def _print_fault_of_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not isinstance(found.exc_value, SystemExit):
        _print_fault(found.exc_type, found.exc_value, found.exc_traceback)
