"""The tally: counts of each batch by outcome, at a cost that does not depend on its files.

Triggers add an entry whenever a file or the state of a job changes, in the same transaction;
entries are summed when they are read, and from time to time folded into few.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
)

from db.bulk import is_one_of, is_postgres
from db.columns import total
from db.database import AnyRow, Database, pieces
from db.states import JobState
from db.tables import file, job, measurement, radiograph, tally
from radiograph.records import View

#: PostgreSQL's trigger functions; dropping a table drops its triggers, but not these.
FUNCTIONS = (
    "tally_file_insert",
    "tally_file_update",
    "tally_file_delete",
    "tally_job_update",
    "tally_header_update",
)
#: Ending of a file whose content another file counts for; that of other files is their job's state.
DUPLICATE = "duplicate"
#: Most entries folded at once, and the fewest that are worth it.
_MOST, _FEW = 20_000, 500
_JUDGED = (tally.c.ict_rule, tally.c.ict_threshold, tally.c.view_unknown, tally.c.age_unknown)
_KIND = (
    tally.c.batch_id,
    tally.c.ending,
    tally.c.code,
    tally.c.bucket,
    tally.c.enlarged,
    *_JUDGED,
)
_SUM = (
    total(tally.c.files).label("files"),
    func.min(tally.c.first_claimed_at).label("first_claimed_at"),
    func.max(tally.c.last_settled_at).label("last_settled_at"),
)


def sums(connection: Connection, only: int | None = None) -> Sequence[AnyRow]:
    """Return the sums of each batch, or of one: a row per kind of ending."""
    asked = select(*_KIND, *_SUM).group_by(*_KIND)
    if only is not None:
        asked = asked.where(tally.c.batch_id == only)
    return connection.execute(asked).all()


def enter(connection: Connection, measurement_ids: Sequence[int], sign: int) -> None:
    """Add measurements to their groups, or subtract them: ``sign`` 1 or -1.

    Call it before and after a change of finished measurements, which the caller has locked.
    """
    # Separate subqueries, for which both databases use indexes regardless of their statistics: a
    # join may begin with every measured job.
    batch_id = (
        select(file.c.batch_id)
        .join_from(job, file, (file.c.job_id == job.c.id) & ~file.c.duplicate)
        .where(
            job.c.radiograph_id == measurement.c.radiograph_id,
            job.c.model_version == measurement.c.model_version,
            func.coalesce(cast(job.c.state, String), "") == str(JobState.MEASURED),
        )
        .scalar_subquery()
    )
    for ids in pieces(measurement_ids):
        counted = (
            select(
                batch_id.label("batch_id"),
                measurement.c.bucket,
                measurement.c.enlarged,
                measurement.c.ict_rule,
                measurement.c.ict_threshold,
                radiograph.c.view.not_in([View.PA, View.AP]).label("view_unknown"),
                radiograph.c.age_years.is_(None).label("age_unknown"),
            )
            .join_from(measurement, radiograph, radiograph.c.id == measurement.c.radiograph_id)
            .where(is_one_of(connection, measurement.c.id, ids))
            .subquery()
        )
        summed = (
            select(*counted.c, literal(str(JobState.MEASURED)), func.count() * sign)
            .where(counted.c.batch_id.is_not(None))
            .group_by(*counted.c)
        )
        names = [*counted.c.keys(), tally.c.ending.name, tally.c.files.name]
        connection.execute(insert(tally).from_select(names, summed))


def fold(db: Database) -> int:
    """Fold entries into few; return how many are left of those read."""
    with db.write() as connection:
        return fold_within(connection)


def fold_within(connection: Connection, few: int = _FEW) -> int:
    """Fold in the caller's transaction, unless there are fewer than ``few`` entries."""
    ids = connection.scalars(
        select(tally.c.id)
        .order_by(tally.c.id)
        .limit(_MOST)
        # Concurrent foldings take different entries.
        .with_for_update(skip_locked=True)
    ).all()
    if len(ids) < few:
        return len(ids)
    left = 0
    for these in _portions(connection, ids):
        folded = select(*_KIND, *_SUM).where(these).group_by(*_KIND)
        names = [column.name for column in folded.selected_columns]
        left += connection.execute(insert(tally).from_select(names, folded)).rowcount
        connection.execute(delete(tally).where(these))
    return left


def _portions(connection: Connection, ids: Sequence[int]) -> list[ColumnElement[bool]]:
    if is_postgres(connection):
        return [is_one_of(connection, tally.c.id, some) for some in pieces(ids)]
    # SQLite has one writer, so these are all entries up to the last id.
    return [tally.c.id <= ids[-1]]
