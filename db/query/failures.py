"""Reading which files failed or were set aside, and why.

The ids of the rows are found by the indexes on job states and file codes; the rows are then read
page by page, each page in a separate transaction, so that no transaction stays open while a large
answer is printed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from db.batches import batch_id_of
from db.bulk import is_one_of, is_postgres
from db.columns import FilePath, total
from db.database import Database, pieces
from db.dialect_paths import spellings
from db.query.failure_records import Failure, FailureFilter
from db.query.moved_files import files_at
from db.query.order import Order, order_terms
from db.states import Destination, JobState
from db.tables import batch as batch_table
from db.tables import file, job, tally
from radiograph.errors import Disposition

#: Rows per page.
_PAGE = 500

#: A job without an end time is sorted by when its file was seen.
_JOB_ENDED_AT = func.coalesce(job.c.settled_at, file.c.seen_at)

#: Columns by which failures can be sorted.
SORTABLE: dict[str, ColumnElement[Any]] = {
    "batch": batch_table.c.name,
    "path": file.c.path,
    "state": func.coalesce(cast(job.c.state, Text), cast(file.c.disposition, Text)),
    "code": func.coalesce(file.c.code, job.c.code),
    "detail": cast(func.coalesce(file.c.detail, job.c.detail), Text),
    "attempts": func.coalesce(job.c.attempts, 0),
    "radiograph": file.c.radiograph_id,
    "duplicate": file.c.duplicate,
    "ended_at": _JOB_ENDED_AT,
}


def find_failures(
    db: Database, wanted: FailureFilter, order: Order | None = None
) -> Iterator[Failure]:
    """Return files that failed or were set aside, the newest first, or in another order.

    They are read while iterating; those retried before their page is read are left out.
    ``order``: by one of `SORTABLE`. Raises BatchUnknown: at once.
    """
    with db.read() as connection:
        found = _found(connection, wanted)
        if order is None:
            chosen = select(found.c.id).order_by(found.c.ended_at.desc(), found.c.id.desc())
        else:
            chosen = (
                select(found.c.id)
                .join(file, file.c.id == found.c.id)
                .join(batch_table, batch_table.c.id == file.c.batch_id)
                .outerjoin(job, job.c.id == file.c.job_id)
                .order_by(
                    *order_terms(
                        connection,
                        SORTABLE[order.column],
                        found.c.id,
                        descending=order.descending,
                    )
                )
            )
        ids = array("q", connection.execute(chosen.limit(wanted.limit)).scalars())
    return _read(db, ids, wanted.states)


def count_failures(db: Database, wanted: FailureFilter) -> dict[str, int]:
    """Return how many files `find_failures` would return without its limit, by code.

    Raises BatchUnknown.
    """
    with db.read() as connection:
        found = _found(connection, wanted)
        counted = connection.execute(select(found.c.code, func.count()).group_by(found.c.code))
        return {code or "": count for code, count in counted}


def _found(connection: Connection, wanted: FailureFilter) -> Subquery:
    """Return the wanted files, as ``id``, ``ended_at`` and ``code``."""
    batch_id = None if wanted.batch is None else batch_id_of(connection, wanted.batch)
    by_path = _at_path(connection, wanted.path)
    by_job = _of_jobs(connection, wanted, batch_id)
    refused = _at_intake(wanted, batch_id)
    if by_path is not None:
        by_job, refused = by_job.where(by_path), refused.where(by_path)
    return union_all(
        _within(by_job, wanted, _JOB_ENDED_AT), _within(refused, wanted, file.c.seen_at)
    ).subquery()


def _of_jobs(connection: Connection, wanted: FailureFilter, batch_id: int | None) -> Select[Any]:
    chosen = select(file.c.id, _JOB_ENDED_AT.label("ended_at"), job.c.code).join_from(
        job, file, file.c.job_id == job.c.id
    )
    failed: ColumnElement[bool] = job.c.state.in_(wanted.states)
    if wanted.codes is not None:
        failed = and_(failed, job.c.code.in_(wanted.codes))
    if batch_id is None:
        return chosen.where(failed)
    in_batch = file.c.batch_id == batch_id
    if is_postgres(connection):
        return chosen.where(failed, in_batch)  # PostgreSQL estimates which of the two is smaller
    if _is_small(connection, batch_id, wanted):
        return chosen.where(in_batch, _not_looked_up(failed))
    return chosen.where(failed, _not_looked_up(in_batch))


def _is_small(connection: Connection, batch_id: int, wanted: FailureFilter) -> bool:
    """Return whether a batch has fewer files than the database has failures."""
    files, failures = (
        connection.execute(select(func.coalesce(total(tally.c.files), 0)).where(asked)).scalar_one()
        for asked in (tally.c.batch_id == batch_id, tally.c.ending.in_(wanted.states))
    )
    return bool(files < failures)


def _not_looked_up(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition in a form for which SQLite does not use an index."""
    return case((condition, 1), else_=0) == 1


def _at_intake(wanted: FailureFilter, batch_id: int | None) -> Select[Any]:
    # The index on codes begins with the batch.
    batches = select(batch_table.c.id) if batch_id is None else [batch_id]
    return select(file.c.id, file.c.seen_at.label("ended_at"), file.c.code).where(
        file.c.batch_id.in_(batches),
        file.c.code > "" if wanted.codes is None else file.c.code.in_(wanted.codes),
        file.c.disposition.in_([Disposition(each.value) for each in wanted.states]),
    )


def _within(
    chosen: Select[Any], wanted: FailureFilter, ended_at: ColumnElement[Any] | Column[Any]
) -> Select[Any]:
    if wanted.since is not None:
        chosen = chosen.where(ended_at >= wanted.since)
    if wanted.until is not None:
        chosen = chosen.where(ended_at < wanted.until)
    return chosen


def _at_path(connection: Connection, path: str | None) -> ColumnElement[bool] | None:
    """Return the condition that a file's path is or was this one, or contains it."""
    if path is None:
        return None
    if ids := files_at(connection, path):
        return file.c.id.in_(ids)
    holds = func.strpos if is_postgres(connection) else func.instr
    before_the_move = func.replace(file.c.path, f"/{Destination.FAILED}/", "/")
    parts = [literal(each, FilePath) for each in spellings(connection, path)]
    return or_(
        *(holds(file.c.path, part) > 0 for part in parts),
        *(
            and_(file.c.destination == Destination.FAILED, holds(before_the_move, part) > 0)
            for part in parts
        ),
    )


def _read(db: Database, ids: Sequence[int], states: Sequence[JobState]) -> Iterator[Failure]:
    chosen = (
        select(
            file.c.id,
            batch_table.c.name,
            file.c.path,
            func.coalesce(job.c.state, file.c.disposition).label("state"),
            func.coalesce(file.c.code, job.c.code).label("code"),
            func.coalesce(file.c.detail, job.c.detail).label("detail"),
            func.coalesce(job.c.attempts, 0).label("attempts"),
            file.c.radiograph_id,
            file.c.duplicate,
            _JOB_ENDED_AT.label("ended_at"),
        )
        .select_from(file)
        .join(batch_table, batch_table.c.id == file.c.batch_id)
        .outerjoin(job, job.c.id == file.c.job_id)
    )
    for page in pieces(ids, _PAGE):
        with db.read() as connection:
            rows = connection.execute(chosen.where(is_one_of(connection, file.c.id, page))).all()
        by_id = {row.id: row for row in rows}
        for each in page:
            row = by_id.get(each)
            if row is None or row.state not in states:
                continue  # retried since the ids were read
            yield Failure(
                batch=row.name,
                path=row.path,
                state=JobState(row.state),
                code=row.code,
                detail=row.detail,
                attempts=row.attempts,
                radiograph_id=row.radiograph_id,
                duplicate=row.duplicate,
                ended_at=row.ended_at,
            )
