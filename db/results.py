"""Reading what was measured, and how each file ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, or_, select

from db.batches import batch_id_of
from db.columns import path_digest
from db.database import Database
from db.errors import StudyUnknown
from db.records import FileOutcome, Result, ResultFilter
from db.rows import result_of
from db.states import JobState
from db.tables import batch as batch_table
from db.tables import file, job, measurement, radiograph

#: Rows fetched at a time, so that an archive's results never stand in memory together.
_FETCH = 500
#: A shorter prefix of a hash could stand for several contents.
_HASH_PREFIX = 8

_RESULTS = select(
    measurement.c.id.label("measurement_id"),
    *(column for column in measurement.c if column.name != "id"),
    *(column for column in radiograph.c if column.name not in {"id", "size", "created_at"}),
).join_from(measurement, radiograph, radiograph.c.id == measurement.c.radiograph_id)


def find_results(db: Database, wanted: ResultFilter) -> Iterator[Result]:
    """Results in the order they were measured, read as they are taken.

    Raises BatchUnknown, StudyUnknown: at once, before the first result is taken.
    """
    with db.read() as connection:
        chosen = _filtered(connection, _RESULTS, wanted)
    chosen = chosen.order_by(measurement.c.measured_at, measurement.c.id).limit(wanted.limit)
    return (result_of(row) for row in _streamed(db, chosen))


def count_results(db: Database, wanted: ResultFilter) -> int:
    """How many results `find_results` would give.

    Raises BatchUnknown, StudyUnknown.
    """
    with db.read() as connection:
        chosen = _filtered(connection, _RESULTS, wanted).limit(wanted.limit)
        count: int = connection.execute(
            select(func.count()).select_from(chosen.with_only_columns(measurement.c.id).subquery())
        ).scalar_one()
    return count


def file_outcomes(
    db: Database, batch: str | None = None, study: str | None = None
) -> Iterator[FileOutcome]:
    """How every file ended, in the order they were seen; of one batch, of one study, or of all.

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
            ids = _radiograph_ids(connection, study)
            named = or_(_named(study), file.c.radiograph_id.in_(ids))
            if connection.execute(select(file.c.id).where(named).limit(1)).first() is None:
                raise _unknown(study)
            chosen = chosen.where(named)
    return (
        FileOutcome(
            batch=row.name,
            path=row.path,
            # Set aside and failed are spelled alike for files and for jobs.
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


def _filtered(connection: Connection, chosen: Select[Any], wanted: ResultFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.batch is not None:
        conditions.append(_in_batch(batch_id_of(connection, wanted.batch)))
    if wanted.study is not None:
        ids = _radiograph_ids(connection, wanted.study)
        if not ids:
            raise _unknown(wanted.study)
        conditions.append(radiograph.c.id.in_(ids))
    compared = (
        (wanted.bucket, measurement.c.bucket.__eq__),
        (wanted.ict_above, measurement.c.ict.__gt__),
        (wanted.ict_below, measurement.c.ict.__lt__),
        (wanted.enlarged, measurement.c.enlarged.is_),
        (wanted.since, measurement.c.measured_at.__ge__),
        (wanted.until, measurement.c.measured_at.__lt__),
        (wanted.study_date_from, radiograph.c.study_date.__ge__),
        (wanted.study_date_to, radiograph.c.study_date.__le__),
        (wanted.patient, radiograph.c.patient_id.__eq__),
        (wanted.model, measurement.c.model_version.__eq__),
    )
    conditions += [holds(value) for value, holds in compared if value is not None]
    return chosen.where(*conditions)


def _in_batch(batch_id: int) -> ColumnElement[bool]:
    return exists().where(
        file.c.batch_id == batch_id,
        file.c.radiograph_id == measurement.c.radiograph_id,
        job.c.id == file.c.job_id,
        job.c.model_version == measurement.c.model_version,
    )


def _named(study: str) -> ColumnElement[bool]:
    return and_(file.c.path_digest == path_digest(study), file.c.path == study)


def _radiograph_ids(connection: Connection, study: str) -> list[int]:
    """Radiographs that a study UID, SOP UID, id, SHA-256 prefix or file path names."""
    digits = study.isascii() and study.isdigit() and len(study) <= 18
    lower = study.lower()
    prefix = len(lower) >= _HASH_PREFIX and set(lower) <= set("0123456789abcdef")
    by_path = select(file.c.radiograph_id).where(_named(study), file.c.radiograph_id.is_not(None))
    found = connection.execute(
        select(radiograph.c.id)
        .where(
            or_(
                radiograph.c.study_uid == study,
                radiograph.c.sop_uid == study,
                radiograph.c.id == int(study) if digits else false(),
                radiograph.c.sha256.between(lower, lower.ljust(64, "f")) if prefix else false(),
                radiograph.c.id.in_(by_path),
            )
        )
        .order_by(radiograph.c.id)
    )
    return list(found.scalars())


def _unknown(study: str) -> StudyUnknown:
    return StudyUnknown(
        f"nothing matches {study!r}: give a study UID, SOP UID, radiograph id, SHA-256 prefix of "
        f"{_HASH_PREFIX} digits or more, or file path"
    )
