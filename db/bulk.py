"""Many rows per statement: PostgreSQL receives them as one JSON value and plans once.

Row by row, parsing and planning cost more than writing. SQLite plans once anyway and uses the
driver's executemany.
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
    """Return whether a database is PostgreSQL, which takes many rows as one value."""
    return connection.dialect.name == "postgresql"


def is_one_of(
    connection: Connection, one: Column[Any], values: Sequence[Any]
) -> ColumnElement[bool]:
    """Return ``one`` IN ``values``: one array on PostgreSQL, not a parameter per value."""
    if not is_postgres(connection):
        return one.in_(values)
    return one == any_(literal(list(values), postgresql.ARRAY(one.type)))


def bound_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> Any:
    """Return the parameters of a statement on ``rows``, all with the same columns of ``table``."""
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
    """Return the rows of that value as a table, with the column types of ``table``."""
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
    """Return an INSERT of rows with these columns, which locks them in the given order."""
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
    # JSON has no NaN or Infinity; PostgreSQL reads them from strings.
    return value if value is None or math.isfinite(value) else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value.item()
