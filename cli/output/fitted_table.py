"""A table that fits its terminal: which columns it shows, and how wide each is.

Texts are shortened first, then the least important columns are omitted, and only then are all
texts shortened to their minimum. Numbers, flags and times are shown in full or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.output.cells import cells, folded, padded, shortened

#: Space between columns.
GAP = "  "
#: Cells that a text keeps while less important columns can be omitted.
_READABLE = 22
#: Cells that a text keeps in any case.
_LEAST = 8
#: Columns that a narrow terminal omits, in this order.
SPARE = (
    *("created_at", "registered_at", "expected_error_px224", "attempts", "detail", "ended_at"),
    *("learning_rate", "seconds", "device", "best_px224", "cancelled", "duplicates", "running"),
    *("ict_rule", "study_date", "state", "enlarged", "paused"),
)
#: Columns of sentences, which are wrapped instead of cut.
_PROSE = frozenset({"meaning", "why", "what"})


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: its printable texts and their alignment."""

    name: str
    heading: str
    texts: Sequence[str]
    at_right: bool
    whole: bool  # numbers, flags and times are not shortened

    @property
    def natural(self) -> int:
        """Return the cells of the longest text."""
        return max(map(cells, (self.heading, *self.texts)))

    def least(self, most: int) -> int:
        """Return the cells needed if texts are shortened to ``most``."""
        return self.natural if self.whole else min(self.natural, most)


def table_lines(columns: Sequence[TableColumn], width: int | None) -> list[str]:
    """Return the heading and the rows, at most ``width`` cells wide; None: without a limit."""
    rooms = {column.name: column.natural for column in columns}
    if width is not None:
        columns, rooms = fitted(columns, width)
    lines = [_line(columns, [shortened(each.heading, rooms[each.name]) for each in columns], rooms)]
    for row in zip(*(column.texts for column in columns), strict=True):
        lines += _row(columns, row, rooms)
    return lines


def fitted(
    columns: Sequence[TableColumn], width: int
) -> tuple[Sequence[TableColumn], dict[str, int]]:
    """Return the columns that are shown in ``width`` cells, and the cells of each."""
    kept = list(columns)
    spare = [each for name in SPARE for each in columns if each.name == name]
    while _needed(kept, _READABLE) > width and spare:
        kept.remove(spare.pop(0))
    last = [each for each in kept[1:] if each.name != "path"]
    while _needed(kept, _LEAST) > width and last:
        kept.remove(last.pop())
    if _needed(kept, _LEAST) > width:
        kept = kept[-1:]  # a path matters more than a number
    most = _READABLE if _needed(kept, _READABLE) <= width else _LEAST
    rooms = {each.name: min(width, each.least(most)) for each in kept}
    left = width - sum(rooms.values()) - len(GAP) * (len(kept) - 1)
    short = [each for each in kept if rooms[each.name] < each.natural]
    while left > 0 and short:
        widest = max(short, key=lambda each: each.natural - rooms[each.name])
        rooms[widest.name] += 1
        left -= 1
        short = [each for each in short if rooms[each.name] < each.natural]
    return kept, rooms


def _needed(columns: Sequence[TableColumn], most: int) -> int:
    return sum(each.least(most) for each in columns) + len(GAP) * (len(columns) - 1)


def _row(
    columns: Sequence[TableColumn], row: Sequence[str], rooms: dict[str, int]
) -> Iterator[str]:
    texts = [
        folded(text, room)
        if cells(text) > room and each.name in _PROSE
        else [shortened(text, room)]
        for each, text in zip(columns, row, strict=True)
        for room in [rooms[each.name]]
    ]
    for number in range(max(map(len, texts))):
        below = [lines[number] if number < len(lines) else "" for lines in texts]
        yield _line(columns, below, rooms)


def _line(columns: Sequence[TableColumn], texts: Sequence[str], rooms: dict[str, int]) -> str:
    return GAP.join(
        padded(text, rooms[each.name], at_right=each.at_right)
        for each, text in zip(columns, texts, strict=True)
    ).rstrip()
