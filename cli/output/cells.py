"""Width of texts in terminal cells, and shortening them to fit."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator

from wcwidth import iter_graphemes, wcswidth

#: Replaces omitted text.
DOTS = "…"


def terminal_cells() -> int | None:
    """Return the width of the terminal, or COLUMNS; None if standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cells(text: str) -> int:
    """Return the cells of a printable text: two for a wide letter, none for an accent."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


def padded(text: str, room: int, *, at_right: bool = False) -> str:
    """Return the text padded with spaces to ``room`` cells."""
    space = " " * (room - cells(text))
    return space + text if at_right else text + space


def shortened(text: str, room: int) -> str:
    """Return a text shortened to fit; a path keeps its beginning and its file name."""
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
