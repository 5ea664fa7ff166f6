"""Counting every batch file by file, to check the tally."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import String, and_, case, cast, func, select

from db.database import Database
from db.query.status import all_statuses
from db.records import BatchStatus
from db.states import JobState
from db.tables import batch, file, job, measurement, radiograph
from radiograph.errors import Disposition
from radiograph.records import View

_ENDING = case(
    (file.c.duplicate, "duplicate"),
    (file.c.disposition.is_not(None), cast(file.c.disposition, String)),
    else_=cast(job.c.state, String),
)


@dataclass
class Counted:
    """The counts of a batch."""

    endings: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    buckets: Counter[str] = field(default_factory=Counter)
    enlarged: int = 0
    not_enlarged: int = 0
    judged: Counter[tuple[object, ...]] = field(default_factory=Counter)


def count_anew(db: Database) -> dict[str, Counted]:
    """Return the counts of every batch, from its files."""
    asked = (
        select(
            batch.c.name,
            _ENDING.label("ending"),
            func.coalesce(file.c.code, job.c.code).label("code"),
            case((file.c.duplicate, None), else_=measurement.c.bucket).label("bucket"),
            measurement.c.enlarged,
            measurement.c.ict_rule,
            measurement.c.ict_threshold,
            radiograph.c.view,
            radiograph.c.age_years,
        )
        .select_from(batch)
        .join(file, file.c.batch_id == batch.c.id)
        .outerjoin(job, job.c.id == file.c.job_id)
        .outerjoin(
            measurement,
            and_(
                measurement.c.radiograph_id == job.c.radiograph_id,
                measurement.c.model_version == job.c.model_version,
                job.c.state == JobState.MEASURED,
            ),
        )
        .outerjoin(radiograph, radiograph.c.id == measurement.c.radiograph_id)
    )
    found: dict[str, Counted] = {}
    with db.read() as connection:
        for row in connection.execute(asked):
            of = found.setdefault(row.name, Counted())
            of.endings[row.ending] += 1
            if row.ending in (Disposition.SET_ASIDE, Disposition.FAILED):
                of.codes[row.code] += 1
            if row.bucket is not None:  # not a duplicate
                of.buckets[row.bucket] += 1
                unknown = (row.view not in {View.PA, View.AP}, row.age_years is None)
                of.judged[row.ict_rule, row.ict_threshold, row.enlarged, *unknown] += 1
                of.enlarged += row.enlarged is True
                of.not_enlarged += row.enlarged is False
    return found


def check_tally(db: Database) -> None:
    """Assert that every batch's status agrees with its files."""
    found = count_anew(db)
    for status in all_statuses(db):
        assert counts_of(status) == found.get(status.batch.name, Counted()), status.batch.name


def counts_of(status: BatchStatus) -> Counted:
    """Return the counts of a status."""
    endings: Counter[str] = Counter({name: getattr(status, name) for name in JobState})
    endings["duplicate"] = status.duplicates
    codes, buckets = Counter(status.codes), Counter({str(k): v for k, v in status.buckets.items()})
    judged = Counter[tuple[object, ...]]()
    for each in status.judged:
        judged[*each.judged, each.view_unknown, each.age_unknown] += each.results
    return Counted(+endings, codes, buckets, status.enlarged, status.not_enlarged, judged)
