"""Gaps: results that lack a measure, because they are older than it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    bindparam,
    false,
    func,
    or_,
    select,
    update,
)

from db.bulk import bound_rows, is_one_of, is_postgres, rows_as_table
from db.database import Database
from db.rows import HEADER_COLUMNS, header_of
from db.tables import measurement, radiograph
from radiograph.measures.values import OF_POINTS, of_points

#: The condition that a result lacks a measure.
LACKING: ColumnElement[bool] = or_(false(), *(measurement.c[name].is_(None) for name in OF_POINTS))
_NAMES = ("id", *OF_POINTS)
#: Points, and the columns of the header, from which a measure follows.
_PLACED = select(
    measurement.c.id,
    measurement.c.points,
    *(radiograph.c[name] for name in HEADER_COLUMNS),
).join_from(measurement, radiograph, radiograph.c.id == measurement.c.radiograph_id)


class Gap(NamedTuple):
    """A measure, and how many results lack it."""

    measure: str
    results: int


def gaps(db: Database) -> list[Gap]:
    """Return the measures that results lack; a partial index of each contains only those rows."""
    with db.read() as connection:
        counts = [
            Gap(
                name,
                connection.execute(
                    select(func.count())
                    .select_from(measurement)
                    .where(measurement.c[name].is_(None))
                ).scalar_one(),
            )
            for name in OF_POINTS
        ]
    return [each for each in counts if each.results]


def measured_again(connection: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return measures computed from stored points, as rows with the results' ids."""
    chosen = _PLACED.where(is_one_of(connection, measurement.c.id, ids)).order_by(measurement.c.id)
    return [
        {"id": row.id, **of_points([(x, y) for x, y in row.points], header_of(row))}
        for row in connection.execute(chosen)
    ]


def fill(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Write such rows where a measure is still missing; return how many were written.

    A result that was measured again since its points were read has every measure and is kept.
    """
    if not rows:
        return 0
    if is_postgres(connection):
        return connection.execute(
            _bulk_update(), bound_rows(connection, measurement, rows)
        ).rowcount
    named = [{f"its_{name}": value for name, value in row.items()} for row in rows]
    return connection.execute(_row_update(), named).rowcount


@functools.cache
def _bulk_update() -> Update:
    rows = rows_as_table(measurement, _NAMES)
    return (
        update(measurement)
        .where(measurement.c.id == rows.c.id, LACKING)
        .values({name: rows.c[name] for name in OF_POINTS})
    )


@functools.cache
def _row_update() -> Update:
    return (
        update(measurement)
        .where(measurement.c.id == bindparam("its_id"), LACKING)
        .values({name: bindparam(f"its_{name}") for name in OF_POINTS})
    )
