"""CSV as every command writes it: a heading, then rows that a spreadsheet takes for texts."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import IO, Any

#: A text that begins with one of these is a formula to a spreadsheet, or becomes one once the
#: control character before it is dropped. The last four are their full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class CsvLines:
    """Writes rows into an open text file. Every CSV that a command writes goes through here."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.DictWriter(file, columns, lineterminator="\n")
        # Before 3.13 Python quotes a carriage return only where it is part of the line's end.
        self._quoting = csv.DictWriter(
            file, columns, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )

    def heading(self) -> None:
        """Write the names of the columns."""
        self._writer.writeheader()

    def row(self, row: Mapping[str, Any]) -> None:
        """Write one row."""
        fields = {name: as_field(value) for name, value in row.items()}
        returns = any("\r" in field for field in fields.values() if isinstance(field, str))
        (self._quoting if returns else self._writer).writerow(fields)


def as_field(value: object) -> object:
    """Return a value as CSV holds it: flags in lower case, nothing for what is absent.

    Texts are made `without_formula`: headers hold what others wrote.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return without_formula(value)
    return "" if value is None else value


def without_formula(text: str) -> str:
    """Return a text with an apostrophe before it where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(_FORMULA) else text
