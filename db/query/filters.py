"""Result filters as SQL conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import eq, ge, gt, le, lt
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, exists, false, or_, select

from db.batches import batch_id_of
from db.errors import StudyUnknown
from db.models import check_measures
from db.query.conditions import COMPARABLE, as_sql
from db.query.index_choice import Way, where_by_index
from db.query.moved_files import files_at
from db.query.spans import within_span
from db.records import ResultFilter
from db.tables import file, job, measurement, radiograph

#: A shorter prefix of a hash could match several contents.
_HASH_PREFIX = 8

#: A column and a condition on it.
_Asked = tuple[Column[Any], ColumnElement[bool]]


def filtered(
    connection: Connection, chosen: Select[Any], wanted: ResultFilter, *, in_order: bool = False
) -> Select[Any]:
    """Return a SELECT over measurements and radiographs with the filter, except its limit.

    ``in_order``: rows will be read in the order they were measured.
    Raises BatchUnknown, ModelUnknown, StudyUnknown.
    """
    asked: list[_Asked] = []
    batch_id = None
    if wanted.batch is not None:
        batch_id = batch_id_of(connection, wanted.batch)
        asked.append((file.c.batch_id, _in_batch(batch_id)))
        # In another order a range of times would select the whole batch.
        span = within_span(connection, batch_id) if in_order else None
        if span is not None:
            asked.append((measurement.c.measured_at, span))
    if wanted.model is not None:
        check_measures(connection, wanted.model)
    if wanted.study is not None:
        ids = radiograph_ids(connection, wanted.study)
        if not ids:
            raise unknown_study(wanted.study)
        asked.append((radiograph.c.id, radiograph.c.id.in_(ids)))
    compared = (
        (wanted.bucket, measurement.c.bucket, eq),
        (wanted.ict_above, measurement.c.ict, gt),
        (wanted.ict_below, measurement.c.ict, lt),
        (wanted.enlarged, measurement.c.enlarged, eq),
        (wanted.since, measurement.c.measured_at, ge),
        (wanted.until, measurement.c.measured_at, lt),
        (wanted.study_date_from, radiograph.c.study_date, ge),
        (wanted.study_date_to, radiograph.c.study_date, le),
        (wanted.patient, radiograph.c.patient_id, eq),
        (wanted.model, measurement.c.model_version, eq),
    )
    asked += [
        (column, holds(column, value)) for value, column, holds in compared if value is not None
    ]
    asked += [(COMPARABLE[each.column], as_sql(connection, each)) for each in wanted.where]
    conditions = [condition for _, condition in asked]
    if wanted.study is not None or wanted.patient is not None:
        return chosen.where(*conditions)  # few rows, found by equality
    return where_by_index(connection, chosen, conditions, _ways(asked, batch_id))


def _ways(asked: Sequence[_Asked], batch_id: int | None) -> Iterator[Way]:
    """Yield ways to find few results: a column, and its values, which an index supplies."""
    if indices := [condition for column, condition in asked if column is measurement.c.ict]:
        yield measurement.c.id, select(measurement.c.id).where(*indices)
    if dates := [condition for column, condition in asked if column is radiograph.c.study_date]:
        yield measurement.c.radiograph_id, select(radiograph.c.id).where(*dates)
    if batch_id is not None:
        of_batch = select(file.c.radiograph_id).where(file.c.batch_id == batch_id)
        yield measurement.c.radiograph_id, of_batch


def radiograph_ids(connection: Connection, study: str) -> list[int]:
    """Return the radiographs with this study UID, SOP UID, id, SHA-256 prefix or file path.

    A path may be the one a file had before a watch moved it.
    """
    digits = study.isascii() and study.isdigit() and len(study) <= 18
    lower = study.lower()
    prefix = len(lower) >= _HASH_PREFIX and set(lower) <= set("0123456789abcdef")
    by_path = select(file.c.radiograph_id).where(
        file.c.id.in_(files_at(connection, study)), file.c.radiograph_id.is_not(None)
    )
    found = connection.execute(
        select(radiograph.c.id)
        .where(
            or_(
                radiograph.c.study_uid == study,
                radiograph.c.sop_uid == study,
                radiograph.c.id == int(study) if digits else false(),
                radiograph.c.sha256.between(lower, lower.ljust(64, "f")) if prefix else false(),
            )
        )
        # With a subquery in an OR, PostgreSQL would scan every radiograph.
        .union(by_path)
        .order_by("id")
    )
    return list(found.scalars())


def unknown_study(study: str) -> StudyUnknown:
    """Return the error for a name that matches nothing."""
    return StudyUnknown(
        f"nothing matches {study!r}: give a study UID, SOP UID, radiograph id, SHA-256 prefix of "
        f"{_HASH_PREFIX} digits or more, or file path"
    )


def _in_batch(batch_id: int) -> ColumnElement[bool]:
    return exists().where(
        file.c.batch_id == batch_id,
        file.c.radiograph_id == measurement.c.radiograph_id,
        job.c.id == file.c.job_id,
        job.c.model_version == measurement.c.model_version,
    )
