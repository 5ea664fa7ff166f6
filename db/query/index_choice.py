"""Finding few results by an index, where the database would read all of them in order.

Asked for results in the order they were measured, a database may go through that order until enough
of them match: through all of a million where none does. SQLite knows nothing of the values of a
column, and PostgreSQL takes every condition to hold as often early in that order as late, which is
wrong for what came last. So we count first, by an index and up to a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, any_, case, func, select

#: So many, strewn over a million films, are looked up and sorted in 25 to 40 ms, on SQLite and on
#: PostgreSQL; twenty of more are met in order within less.
_FEW = 2_000

#: A column of a result, and the values it has where some condition holds.
Way = tuple[Column[int], Select[tuple[int]]]


def where_by_index(
    connection: Connection,
    chosen: Select[Any],
    conditions: Sequence[ColumnElement[bool]],
    ways: Iterable[Way],
) -> Select[Any]:
    """Keep what all ``conditions`` hold for, found by the first way that leads to few."""
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
        # To its planner an array is ten values, while a subquery is as many as statistics say.
        return column == any_(func.array(values.scalar_subquery()))
    return column.in_(values)


def _not_looked_up(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Have conditions tested on rows that are found: an index of theirs might lead to many."""
    return case((and_(*conditions), 1), else_=0) == 1
