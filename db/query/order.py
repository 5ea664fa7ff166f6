"""The order of results: by one of their columns, the same on both databases.

The first few by a column with an index are found by it: ``ict``, ``measured_at``, ``study_date``,
``patient_id``, ``sop_uid``, ``radiograph``, ``measurement``. For any other column the database
reads and sorts all that is chosen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, String

from db.bulk import is_postgres
from db.columns import FilePath, Prose
from db.query.conditions import COMPARABLE
from db.tables import measurement, radiograph


@dataclass(frozen=True, slots=True)
class Order:
    """By a column; equal ones by their id in the same direction, absent values last."""

    column: str
    descending: bool = False


#: The columns of results that can be sorted by.
SORTABLE: dict[str, ColumnElement[Any]] = {
    **COMPARABLE,
    "radiograph": measurement.c.radiograph_id,  # which has an index of its own
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
    connection: Connection,
    key: ColumnElement[Any],
    tie: ColumnElement[Any],
    *,
    descending: bool,
    absent: bool = True,
) -> list[ColumnElement[Any]]:
    """Return what to order by: ``key``, then ``tie``, which is an id.

    ``absent``: some may have no value. Texts are compared by their bytes on both databases,
    whatever the language of PostgreSQL's is.
    """
    if is_postgres(connection) and isinstance(key.type, (String, FilePath, Prose)):
        key = key.collate("C")
    ordered = key.desc() if descending else key.asc()
    # To PostgreSQL absent values are the highest, and no index of ours has them last going down.
    return [ordered.nulls_last() if absent else ordered, tie.desc() if descending else tie.asc()]


def may_be_absent(key: ColumnElement[Any]) -> bool:
    """Say whether rows may have no value to be sorted by."""
    return not isinstance(key, Column) or bool(key.nullable)
