"""Texts in the cells of a terminal: how wide they are, and what of them fits."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator

from wcwidth import iter_graphemes, wcswidth

#: Stands for what was left out.
DOTS = "…"


def terminal_cells() -> int | None:
    """Return the width of the terminal, or COLUMNS; None where standard output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cells(text: str) -> int:
    """Return how many cells a printable text takes: two for a wide letter, none for an accent."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


def padded(text: str, room: int, *, at_right: bool = False) -> str:
    """Return the text with spaces up to ``room`` cells."""
    space = " " * (room - cells(text))
    return space + text if at_right else text + space


def shortened(text: str, room: int) -> str:
    """Return what fits of a text: of a path its beginning and its file name, else the beginning."""
    if cells(text) <= room:
        return text
    if not text.startswith("/"):
        return _start(text, room - cells(DOTS)) + DOTS
    name = text.rpartition("/")[2]
    tail = f"{DOTS}/{name}"
    if cells(tail) <= room:
        return _start(text, room - cells(tail)) + tail
    half = (room - cells(DOTS)) // 2
    return _start(name, room - cells(DOTS) - half) + DOTS + _end(name, half)


def folded(text: str, room: int) -> list[str]:
    """Break a text between words into lines of at most ``room`` cells; a longer word is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if cells(longer) <= room:
            lines[-1] = longer
        elif lines[-1]:
            lines.append(shortened(word, room))
        else:
            lines[-1] = shortened(word, room)
    return lines


def _start(text: str, room: int) -> str:
    return "".join(_fitting(iter_graphemes(text), room))


def _end(text: str, room: int) -> str:
    return "".join(reversed(list(_fitting(reversed(list(iter_graphemes(text))), room))))


def _fitting(letters: Iterable[str], room: int) -> Iterator[str]:
    for letter in letters:
        room -= cells(letter)
        if room < 0:
            return
        yield letter
