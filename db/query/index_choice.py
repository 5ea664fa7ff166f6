"""Finding few results by an index where the database would scan all of them in order.

For results in the order they were measured, a database may scan that order until enough rows match:
all of a million rows if none does. SQLite has no statistics on values, and PostgreSQL assumes that
matches are spread evenly over the order, which is wrong for recent ones. So we count the matches
first, by an index, up to a small number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, any_, case, func, select

#: So many results, scattered over a million radiographs, are looked up and sorted in 25 to 40 ms on
#: SQLite and PostgreSQL; if there are more, scanning in order finds the first twenty sooner.
_FEW = 2_000

#: A column of a result, and the values of it for which a condition holds.
Way = tuple[Column[int], Select[tuple[int]]]


def where_by_index(
    connection: Connection,
    chosen: Select[Any],
    conditions: Sequence[ColumnElement[bool]],
    ways: Iterable[Way],
) -> Select[Any]:
    """Return the SELECT with all ``conditions``, using the first way that matches few rows."""
    for column, values in ways:
        counted = select(func.count()).select_from(values.limit(_FEW + 1).subquery())
        if connection.execute(counted).scalar_one() <= _FEW:
            found = _among_few(connection, column, values.correlate(None))
            return chosen.where(found, _not_looked_up(conditions))
    return chosen.where(*conditions)


def _among_few(
    connection: Connection, column: Column[int], values: Select[tuple[int]]
) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        # The planner assumes ten values for an array, but goes by statistics for a subquery.
        return column == any_(func.array(values.scalar_subquery()))
    return column.in_(values)


def _not_looked_up(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return the conditions in a form for which no index is used: it might match many rows."""
    return case((and_(*conditions), 1), else_=0) == 1
