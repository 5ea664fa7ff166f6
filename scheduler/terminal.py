r"""Texts for terminals and logs, without control characters.

File names, headers and messages may contain any characters. Escape sequences, other control
characters, direction marks and characters without width are written as ``\x1b`` and the like.
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
    """Return the text as one line with control characters escaped."""
    return text if text.isprintable() else _without_controls(text, "")


def printable_lines(text: str) -> str:
    """Return the text as `printable` does, but with line ends and tabs."""
    return text if text.isprintable() else _without_controls(text, _LINES)


def printable_row(row: Mapping[str, T]) -> dict[str, T | str]:
    """Return a row of a table with `printable_lines` applied to names and texts."""
    return {
        printable_lines(name): printable_lines(value) if isinstance(value, str) else value
        for name, value in row.items()
    }


def printable_json(text: str) -> str:
    """Return ASCII JSON with DEL escaped, the only control character JSON does not escape."""
    return text.replace("\x7f", "\\u007f")


def _without_controls(text: str, kept: str) -> str:
    return "".join(
        char
        if char.isprintable() or char in kept
        else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


class Parser(argparse.ArgumentParser):
    """An argument parser whose messages have control characters escaped."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit; print the message with control characters escaped."""
        super().exit(status, None if message is None else printable_lines(message))


def print_faults() -> None:
    """Print uncaught errors with control characters escaped from now on."""
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
