"""Sums over the results of batches, made by the database: no result is read itself.

Counted are the files that the ledger counts as measured, not duplicates of other batches' contents.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Select, case, cast, extract, func, select

from db.bulk import is_postgres
from db.database import Database
from db.query.conditions import COMPARABLE
from db.query.night_records import Binning, Distribution, Interval, MeasuredBy
from db.states import JobState
from db.tables import file, job, measurement, radiograph
from radiograph.records import View


def distribution(
    db: Database, batch_ids: Sequence[int], binning: Binning, model: str | None = None
) -> Distribution:
    """Return the distribution of a measure over batches; ``model``: only of this network."""
    column = COMPARABLE[binning.measure]
    clipped = case(
        (column < binning.low, binning.low), (column > binning.high, binning.high), else_=column
    )
    bins = cast(func.round(clipped / binning.width), BigInteger)
    asked = _own_results(batch_ids).with_only_columns(
        radiograph.c.view, bins.label("bin"), func.count().label("results")
    )
    asked = asked.where(column.is_not(None)).group_by(radiograph.c.view, bins)
    if model is not None:
        asked = asked.where(measurement.c.model_version == model)
    counts: defaultdict[View, dict[int, int]] = defaultdict(dict)
    with db.read() as connection:
        for row in connection.execute(asked):
            counts[row.view][row.bin] = row.results
    return Distribution(binning, dict(counts))


def measured_by(db: Database, batch_id: int) -> list[MeasuredBy]:
    """Return which networks measured a batch, the one with the most results first."""
    of = (
        measurement.c.model_version,
        measurement.c.weights_digest,
        measurement.c.code_version,
        measurement.c.device,
        measurement.c.precision,
    )
    asked = _own_results([batch_id]).with_only_columns(*of, func.count().label("results"))
    with db.read() as connection:
        found = [MeasuredBy(*row) for row in connection.execute(asked.group_by(*of))]
    return sorted(found, key=lambda each: (-each.results, each.model, each.device))


def endings_over_time(db: Database, batch_id: int, step_seconds: int) -> list[Interval]:
    """Return how many files workers ended in each interval, without gaps, the first one first."""
    seconds = extract("epoch", job.c.settled_at)
    with db.read() as connection:
        # Casting rounds on PostgreSQL, and rounds down on SQLite.
        quotient = seconds / step_seconds
        bins = cast(func.floor(quotient) if is_postgres(connection) else quotient, BigInteger)
        asked = (
            select(bins.label("bin"), job.c.state, func.count().label("files"))
            .join_from(file, job, job.c.id == file.c.job_id)
            .where(
                file.c.batch_id == batch_id,
                file.c.duplicate.is_(False),
                job.c.settled_at.is_not(None),
                job.c.state.in_((JobState.MEASURED, JobState.FAILED, JobState.SET_ASIDE)),
            )
            .group_by(bins, job.c.state)
        )
        counts = Counter({(row.bin, row.state): row.files for row in connection.execute(asked)})
    bins_of = [number for number, _ in counts]
    return [
        Interval(
            start=datetime.fromtimestamp(number * step_seconds, UTC),
            measured=counts[number, JobState.MEASURED],
            others=counts[number, JobState.FAILED] + counts[number, JobState.SET_ASIDE],
        )
        for number in range(min(bins_of, default=0), max(bins_of, default=-1) + 1)
    ]


def _own_results(batch_ids: Sequence[int]) -> Select[Any]:
    return (
        select(measurement.c.id)
        .select_from(file)
        .join(job, job.c.id == file.c.job_id)
        .join(
            measurement,
            (measurement.c.radiograph_id == job.c.radiograph_id)
            & (measurement.c.model_version == job.c.model_version),
        )
        .join(radiograph, radiograph.c.id == measurement.c.radiograph_id)
        .where(
            file.c.batch_id.in_(batch_ids),
            file.c.duplicate.is_(False),
            job.c.state == JobState.MEASURED,
        )
    )
