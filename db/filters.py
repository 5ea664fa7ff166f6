"""Which results are meant: a filter as conditions of SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, or_, select

from db.batches import batch_id_of
from db.columns import path_digest
from db.conditions import as_sql
from db.errors import StudyUnknown
from db.models import check_measures
from db.records import ResultFilter
from db.tables import file, job, measurement, radiograph

#: A shorter prefix of a hash could stand for several contents.
_HASH_PREFIX = 8


def filtered(connection: Connection, chosen: Select[Any], wanted: ResultFilter) -> Select[Any]:
    """Keep what is ``wanted`` of a SELECT over measurements and radiographs, but for its limit.

    Raises BatchUnknown, ModelUnknown, StudyUnknown.
    """
    conditions: list[ColumnElement[bool]] = []
    if wanted.batch is not None:
        conditions.append(_in_batch(batch_id_of(connection, wanted.batch)))
    if wanted.model is not None:
        check_measures(connection, wanted.model)
    if wanted.study is not None:
        ids = radiograph_ids(connection, wanted.study)
        if not ids:
            raise unknown(wanted.study)
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
    conditions += [as_sql(each) for each in wanted.where]
    return chosen.where(*conditions)


def named(study: str) -> ColumnElement[bool]:
    """Whether a file lies at the path that ``study`` is."""
    return and_(file.c.path_digest == path_digest(study), file.c.path == study)


def radiograph_ids(connection: Connection, study: str) -> list[int]:
    """Radiographs that a study UID, SOP UID, id, SHA-256 prefix or file path names."""
    digits = study.isascii() and study.isdigit() and len(study) <= 18
    lower = study.lower()
    prefix = len(lower) >= _HASH_PREFIX and set(lower) <= set("0123456789abcdef")
    by_path = select(file.c.radiograph_id).where(named(study), file.c.radiograph_id.is_not(None))
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


def unknown(study: str) -> StudyUnknown:
    """Make the error of a name that nothing has."""
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
