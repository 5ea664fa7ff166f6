"""CSV output of every command, safe against formula injection in spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import IO, Any

#: A spreadsheet takes a text that begins with one of these for a formula, if need be after
#: dropping a control character. The last four are full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class CsvLines:
    """Writes rows to an open text file."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.DictWriter(file, columns, lineterminator="\n")
        # Python before 3.13 quotes a carriage return only if it is part of the line terminator.
        self._quoting = csv.DictWriter(
            file, columns, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )

    def heading(self) -> None:
        """Write the column names."""
        self._writer.writeheader()

    def row(self, row: Mapping[str, Any]) -> None:
        """Write one row."""
        fields = {name: as_field(value) for name, value in row.items()}
        returns = any("\r" in field for field in fields.values() if isinstance(field, str))
        (self._quoting if returns else self._writer).writerow(fields)


def as_field(value: object) -> object:
    """Return a value as a CSV field: booleans in lower case, an empty string for None.

    Texts pass through `without_formula`, since headers come from outside.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return without_formula(value)
    return "" if value is None else value


def without_formula(text: str) -> str:
    """Return a text, with a leading apostrophe if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
