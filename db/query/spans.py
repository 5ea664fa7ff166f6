"""When the results of a batch were measured, found without reading its files."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, case, false, func, select

from db.columns import total
from db.states import JobState
from db.tables import file, job, measurement, tally
from db.tally import DUPLICATE

#: With more duplicates of other batches' contents than this, their jobs are not read.
_DUPLICATES = 2_000


def within_span(connection: Connection, batch_id: int) -> ColumnElement[bool] | None:
    """Return the condition that a result is within the batch's span of time; None: unlimited.

    A job is measured once, settled at the time stored with its measurement and never before it was
    claimed, so the tally gives the span of the batch's own jobs, but not of duplicates.
    """
    measured = tally.c.ending == JobState.MEASURED
    first, last, duplicates = connection.execute(
        select(
            func.min(case((measured, tally.c.first_claimed_at))),
            func.max(case((measured, tally.c.last_settled_at))),
            func.coalesce(total(case((~measured, tally.c.files))), 0),
        ).where(tally.c.batch_id == batch_id, tally.c.ending.in_((JobState.MEASURED, DUPLICATE)))
    ).one()
    if duplicates > _DUPLICATES:
        return None
    of_others = connection.execute(
        select(func.min(job.c.settled_at), func.max(job.c.settled_at))
        .join_from(file, job, job.c.id == file.c.job_id)
        .where(file.c.batch_id == batch_id, file.c.duplicate, job.c.state == JobState.MEASURED)
    ).one()
    times = [time for time in (first, last, *of_others) if time is not None]
    return measurement.c.measured_at.between(min(times), max(times)) if times else false()
