"""Sorting results by one of their columns, in the same order on both databases.

These columns have an index, by which the first results are found: ``ict``, ``measured_at``,
``study_date``, ``patient_id``, ``sop_uid``, ``radiograph``, ``measurement``. For any other column
the database reads and sorts all selected results.
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
    """Sorting by a column; equal values by id in the same direction, absent values last."""

    column: str
    descending: bool = False


#: Columns by which results can be sorted.
SORTABLE: dict[str, ColumnElement[Any]] = {
    **COMPARABLE,
    "radiograph": measurement.c.radiograph_id,  # has an index of its own
    "measurement": measurement.c.id,
    "patient_id": radiograph.c.patient_id,
    "accession": radiograph.c.accession,
}


def parse_order(text: str, columns: Collection[str] = tuple(SORTABLE)) -> Order:
    """Parse ``COLUMN``, ``COLUMN:asc`` or ``COLUMN:desc``. Raises ValueError."""
    name, colon, direction = text.partition(":")
    if name not in columns:
        close = get_close_matches(name, columns, 1)
        every = ", ".join(sorted(columns))
        meant = f"did you mean {close[0]}?" if close else f"it is one of {every}"
        raise ValueError(f"cannot sort by {name!r}; {meant}")
    if direction not in {"asc", "desc"} and (colon or direction):
        raise ValueError(f"the direction is asc or desc, not {direction!r}")
    return Order(name, direction == "desc")


def order_terms(
    connection: Connection,
    key: ColumnElement[Any],
    tie: ColumnElement[Any],
    *,
    descending: bool,
    absent: bool = True,
) -> list[ColumnElement[Any]]:
    """Return the terms of ORDER BY: ``key``, then ``tie``, which is an id.

    ``absent``: there may be NULLs. Texts are compared by their bytes on both databases,
    regardless of PostgreSQL's collation.
    """
    if is_postgres(connection) and isinstance(key.type, (String, FilePath, Prose)):
        key = key.collate("C")
    ordered = key.desc() if descending else key.asc()
    # PostgreSQL sorts NULLs as the highest values, and no index of ours is DESC NULLS LAST.
    return [ordered.nulls_last() if absent else ordered, tie.desc() if descending else tie.asc()]


def may_be_absent(key: ColumnElement[Any]) -> bool:
    """Return whether the sort key may be NULL."""
    return not isinstance(key, Column) or bool(key.nullable)
