"""The tally: what every batch has come to, however many files it has.

Triggers add an entry wherever a file or the state of a job changes, in the same transaction;
entries are added up when they are read, and folded into few from time to time.
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

#: PostgreSQL's functions that the triggers call; a table takes its triggers with it, not these.
FUNCTIONS = (
    "tally_file_insert",
    "tally_file_update",
    "tally_file_delete",
    "tally_job_update",
    "tally_header_update",
)
#: What a file counts as whose content counts for another; the others by their job's state.
DUPLICATE = "duplicate"
#: Entries that are folded at once, and how few are not worth it.
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
    """Return what each batch, or one, has come to: a row a kind of ending."""
    asked = select(*_KIND, *_SUM).group_by(*_KIND)
    if only is not None:
        asked = asked.where(tally.c.batch_id == only)
    return connection.execute(asked).all()


def enter(connection: Connection, measurement_ids: Sequence[int], sign: int) -> None:
    """Add what measurements count as, or take it away: ``sign`` 1 or -1.

    For a change of measurements that have ended, before and after it. The caller has locked them.
    """
    # A question of its own for each, which both databases answer by indexes, whatever they know of
    # how many rows there are: joined, they may begin with every job that is measured.
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
    """Fold entries into few; return how many are left of those that were looked at."""
    with db.write() as connection:
        return fold_within(connection)


def fold_within(connection: Connection, few: int = _FEW) -> int:
    """Do so in a transaction of the caller's, unless there are fewer than ``few``."""
    ids = connection.scalars(
        select(tally.c.id)
        .order_by(tally.c.id)
        .limit(_MOST)
        # Two that fold at once take different entries.
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
    # SQLite has one writer: these are the oldest, and nobody's are between them.
    return [tally.c.id <= ids[-1]]
