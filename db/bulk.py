"""Many rows in one statement: PostgreSQL takes them as one JSON value and plans once.

Sent row by row, each row is parsed and planned anew, which costs more than writing it. SQLite
plans once as it is, and keeps the driver's own way.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Float,
    FromClause,
    Integer,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, object]
_VALUE = "given_rows"
_ORDINAL = "ordinal"


def is_postgres(connection: Connection) -> bool:
    """Whether a database is PostgreSQL, which takes many rows as one value."""
    return connection.dialect.name == "postgresql"


def is_one_of(
    connection: Connection, one: Column[Any], values: Sequence[Any]
) -> ColumnElement[bool]:
    """Whether a column is one of ``values``: to PostgreSQL one array, not a parameter a value."""
    if not is_postgres(connection):
        return one.in_(values)
    return one == any_(literal(list(values), postgresql.ARRAY(one.type)))


def bound_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> Any:
    """Return what a statement about ``rows``, all of the same columns of ``table``, is given."""
    if not is_postgres(connection):
        return rows
    converters = _converters(table, tuple(rows[0]), connection.dialect)
    plain = [
        {name: convert(row[name]) for name, convert in converters} | {_ORDINAL: ordinal}
        for ordinal, row in enumerate(rows)
    ]
    as_json = json.dumps(
        plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
    )
    return {_VALUE: as_json}


@functools.cache
def rows_as_table(table: Table, names: tuple[str, ...]) -> FromClause:
    """Return the rows of that one value as a table with columns as ``table`` has them."""
    return (
        func.json_to_recordset(cast(bindparam(_VALUE, type_=Text), postgresql.JSON))
        .table_valued(
            column(_ORDINAL, Integer), *(column(name, table.c[name].type) for name in names)
        )
        .render_derived(name=_VALUE, with_types=True)
    )


@functools.cache
def insert_of_rows(
    dialect: str, table: Table, names: tuple[str, ...]
) -> postgresql.Insert | sqlite.Insert:
    """INSERT of rows with these columns, in the order they are given: that of their locks."""
    if dialect != "postgresql":
        return sqlite.insert(table)
    rows = rows_as_table(table, names)
    chosen = select(*(rows.c[name] for name in names)).order_by(rows.c[_ORDINAL])
    return postgresql.insert(table).from_select(list(names), chosen)


@functools.cache
def _converters(
    table: Table, names: tuple[str, ...], dialect: Dialect
) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((name, _converter(table, name, dialect)) for name in names)


def _converter(table: Table, name: str, dialect: Dialect) -> Callable[[Any], Any]:
    kind = table.c[name].type
    if isinstance(kind, JSON):
        return _same
    if isinstance(kind, Float):
        return _number
    return kind.dialect_impl(dialect).bind_processor(dialect) or _same


def _same(value: Any) -> Any:
    return value


def _number(value: float | None) -> float | str | None:
    # JSON has no word for what is no number; PostgreSQL reads its name.
    return value if value is None or math.isfinite(value) else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value.item()
