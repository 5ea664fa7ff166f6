"""When the results of a batch were measured, told without going through its files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, case, false, func, select

from db.states import JobState
from db.tables import file, job, tally
from db.tally import DUPLICATE

#: Files of contents that count for other batches, whose jobs are looked at one by one.
_DUPLICATES = 2_000


def within_span(
    connection: Connection, column: Column[datetime], batch_id: int
) -> ColumnElement[bool] | None:
    """Say that a time lies where all results of a batch do; None: they may lie anywhere.

    A job is measured once, settled at the moment its measurement bears and never before it was
    claimed, so the tally tells of the batch's own jobs. Those of other batches it does not know.
    """
    measured = tally.c.ending == JobState.MEASURED
    first, last, duplicates = connection.execute(
        select(
            func.min(case((measured, tally.c.first_claimed_at))),
            func.max(case((measured, tally.c.last_settled_at))),
            func.coalesce(func.sum(case((~measured, tally.c.files))), 0),
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
    return column.between(min(times), max(times)) if times else false()
