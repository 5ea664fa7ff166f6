"""The order of results: by one of their columns, the same on both databases.

SQLite finds the first by ``ict`` or ``measured_at`` by an index, PostgreSQL the lowest; for any
other column the database reads and sorts all that is chosen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, Connection, String

from db.bulk import at_once
from db.columns import FilePath, Prose
from db.conditions import COMPARABLE
from db.tables import measurement, radiograph


@dataclass(frozen=True, slots=True)
class Order:
    """By a column; equal ones by their id in the same direction, absent values last."""

    column: str
    descending: bool = False


#: The columns of results that can be sorted by.
SORTABLE: dict[str, ColumnElement[Any]] = {
    **COMPARABLE,
    "measurement": measurement.c.id,
    "patient_id": radiograph.c.patient_id,
    "accession": radiograph.c.accession,
}


def parse_order(text: str, columns: Collection[str] = tuple(SORTABLE)) -> Order:
    """Read ``COLUMN``, ``COLUMN:asc`` or ``COLUMN:desc``. Raises ValueError."""
    name, colon, direction = text.partition(":")
    if name not in columns:
        close = get_close_matches(name, columns, 1)
        every = ", ".join(sorted(columns))
        meant = f"did you mean {close[0]}?" if close else f"it is one of {every}"
        raise ValueError(f"nothing is sorted by {name!r}; {meant}")
    if direction not in {"asc", "desc"} and (colon or direction):
        raise ValueError(f"a direction is asc or desc, not {direction!r}")
    return Order(name, direction == "desc")


def order_terms(
    connection: Connection, key: ColumnElement[Any], tie: ColumnElement[Any], *, descending: bool
) -> list[ColumnElement[Any]]:
    """Return what to order by: ``key``, then ``tie``, which is an id.

    Texts are compared by their bytes on both databases, whatever the language of PostgreSQL's is.
    """
    if at_once(connection) and isinstance(key.type, (String, FilePath, Prose)):
        key = key.collate("C")
    if descending:
        return [key.desc().nulls_last(), tie.desc()]
    return [key.asc().nulls_last(), tie.asc()]
