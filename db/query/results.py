"""Reading results, and how each file ended."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, union_all

from db.batches import batch_id_of
from db.database import Database
from db.query.filters import filtered, radiograph_ids, unknown_study
from db.query.moved_files import files_at
from db.query.order import SORTABLE, Order, may_be_absent, order_terms
from db.records import FileOutcome, Result, ResultFilter
from db.rows import result_of
from db.states import JobState
from db.tables import batch as batch_table
from db.tables import file, job, measurement, radiograph

#: Rows fetched at a time, so that the results of an archive are never in memory together.
_FETCH = 500

_RESULTS = select(
    measurement.c.id.label("measurement_id"),
    *(column for column in measurement.c if column.name != "id"),
    *(column for column in radiograph.c if column.name not in {"id", "size", "created_at"}),
).join_from(measurement, radiograph, radiograph.c.id == measurement.c.radiograph_id)
#: Both databases omit an outer join that no condition uses.
_IDS = select(measurement.c.id).outerjoin(
    radiograph, radiograph.c.id == measurement.c.radiograph_id
)

#: For sorting by a column of radiograph; an outer join would rule out starting with its index.
_IDS_OF = select(measurement.c.id).join(radiograph, radiograph.c.id == measurement.c.radiograph_id)


def find_results(
    db: Database, wanted: ResultFilter, order: Order | None = None
) -> Iterator[Result]:
    """Return results in the order they were measured, or in another, read while iterating.

    Raises BatchUnknown, ModelUnknown, StudyUnknown: at once, before the first result is read.
    """
    with db.read() as connection:
        if order is None:
            chosen = filtered(connection, _RESULTS, wanted, in_order=True)
            chosen = chosen.order_by(measurement.c.measured_at, measurement.c.id)
            chosen = chosen.limit(wanted.limit)
        else:
            chosen = _sorted(connection, wanted, order)
    return (result_of(row) for row in _streamed(db, chosen))


def _sorted(connection: Connection, wanted: ResultFilter, order: Order) -> Select[Any]:
    key = SORTABLE[order.column]
    absent = may_be_absent(key)
    by = partial(order_terms, connection, key, measurement.c.id, descending=order.descending)
    terms = by(absent=absent)
    if wanted.limit is None:
        return filtered(connection, _RESULTS, wanted).order_by(*terms)
    # Ids are sorted first; whole rows are read only for those within the limit.
    ids = filtered(connection, _IDS_OF if key.table is radiograph else _IDS, wanted)
    if not absent:
        ids = ids.order_by(*terms).limit(wanted.limit)
        return _RESULTS.where(measurement.c.id.in_(ids.correlate(None))).order_by(*terms)
    # Separate queries for values and NULLs, so that each can use an index.
    halves = (
        ids.where(key.is_not(None)).order_by(*by(absent=False)),
        ids.where(key.is_(None)).order_by(terms[-1]),
    )
    both = [each.limit(wanted.limit).correlate(None).subquery() for each in halves]
    chosen = _RESULTS.where(measurement.c.id.in_(union_all(*(select(each.c.id) for each in both))))
    return chosen.order_by(*terms).limit(wanted.limit)


def count_results(db: Database, wanted: ResultFilter) -> int:
    """Return how many results `find_results` would return.

    Raises BatchUnknown, ModelUnknown, StudyUnknown.
    """
    with db.read() as connection:
        chosen = filtered(connection, _IDS, wanted).limit(wanted.limit)
        count: int = connection.execute(
            select(func.count()).select_from(chosen.subquery())
        ).scalar_one()
    return count


def file_outcomes(
    db: Database, batch: str | None = None, study: str | None = None
) -> Iterator[FileOutcome]:
    """Return how each file ended, in the order seen; of one batch, of one study, or of all.

    Raises BatchUnknown, StudyUnknown: at once.
    """
    chosen = (
        select(
            batch_table.c.name,
            file.c.path,
            job.c.state,
            file.c.disposition,
            file.c.duplicate,
            func.coalesce(file.c.code, job.c.code).label("code"),
            func.coalesce(file.c.detail, job.c.detail).label("detail"),
            func.coalesce(job.c.attempts, 0).label("attempts"),
            file.c.radiograph_id,
        )
        .select_from(file)
        .join(batch_table, batch_table.c.id == file.c.batch_id)
        .outerjoin(job, job.c.id == file.c.job_id)
        .order_by(file.c.id)
    )
    with db.read() as connection:
        if batch is not None:
            chosen = chosen.where(file.c.batch_id == batch_id_of(connection, batch))
        if study is not None:
            ids = radiograph_ids(connection, study)
            at_path = file.c.id.in_(files_at(connection, study))
            by_name = or_(at_path, file.c.radiograph_id.in_(ids))
            if connection.execute(select(file.c.id).where(by_name).limit(1)).first() is None:
                raise unknown_study(study)
            chosen = chosen.where(by_name)
    return (
        FileOutcome(
            batch=row.name,
            path=row.path,
            # Dispositions have the same values as job states.
            state=row.state if row.disposition is None else JobState(row.disposition.value),
            duplicate=row.duplicate,
            code=row.code,
            detail=row.detail,
            attempts=row.attempts,
            radiograph_id=row.radiograph_id,
        )
        for row in _streamed(db, chosen)
    )


def _streamed(db: Database, chosen: Select[Any]) -> Iterator[Any]:
    with db.read() as connection:
        yield from connection.execution_options(yield_per=_FETCH).execute(chosen)
