"""One round of forgetting: which rows are removed, which stay with other batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    update,
)

from db.archive import is_hashed
from db.audit import forgotten_batch, rename_batch
from db.begun_outputs import strike_begun
from db.bulk import is_one_of
from db.database import pieces
from db.erasure_records import ErasureCount, Scope
from db.errors import BatchUnfinished
from db.heirs import count_for_other_files
from db.states import Destination, JobState
from db.tables import batch, chunk, failure, file, job, measurement, output, radiograph, tally

OPEN = (JobState.QUEUED, JobState.RUNNING)


@dataclass(slots=True)
class ErasurePart:
    """Ids of the rows that one round removes, and of those that stay with other batches."""

    files: list[int] = field(default_factory=list)
    by_batch: Counter[int] = field(default_factory=Counter)  # removed files by batch
    failed: list[str] = field(default_factory=list)  # paths of such in a watch's failed/
    jobs: list[int] = field(default_factory=list)
    measurements: list[int] = field(default_factory=list)
    radiographs: list[int] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)  # radiographs that stay
    heirs: dict[int, int] = field(default_factory=dict)  # by job: the file it counts for next


def chosen_radiographs(scope: Scope) -> Select[tuple[int]]:
    """Return the SELECT of the radiographs of a patient, or of all that ended before the time."""
    if scope.before is None:
        return select(radiograph.c.id).where(radiograph.c.patient_id.in_(scope.patients))
    # Jobs that ended under an older version have no settled_at.
    ended_at = func.coalesce(job.c.settled_at, job.c.first_claimed_at, radiograph.c.created_at)
    waiting = func.sum(case((job.c.state.in_(OPEN), 1), else_=0))
    return (
        select(radiograph.c.id)
        .join(job, job.c.radiograph_id == radiograph.c.id)
        .group_by(radiograph.c.id)
        .having(waiting == 0, func.max(ended_at) < scope.before)
    )


def lock_radiographs(connection: Connection, ids: Sequence[int]) -> None:
    """Lock radiographs and their jobs: jobs first, as workers do."""
    jobs = is_one_of(connection, job.c.radiograph_id, ids)
    connection.execute(select(job.c.id).where(jobs).order_by(job.c.id).with_for_update()).all()
    _lock(connection, ids)


def lock_jobs(connection: Connection, ids: Sequence[int]) -> None:
    """Lock jobs and their radiographs."""
    jobs = is_one_of(connection, job.c.id, ids)
    locked = select(job.c.radiograph_id).where(jobs).order_by(job.c.id).with_for_update()
    _lock(connection, sorted(set(connection.scalars(locked))))


def part_of_radiographs(connection: Connection, scope: Scope, ids: Sequence[int]) -> ErasurePart:
    """Return the rows to remove with those radiographs of ``ids`` that are still in ``scope``."""
    these = is_one_of(connection, radiograph.c.id, ids)
    left = _ids(connection, chosen_radiographs(scope).where(these))
    of_job, of_file, of_measurement = (
        is_one_of(connection, table.c.radiograph_id, left) for table in (job, file, measurement)
    )
    part = ErasurePart(
        jobs=_ids(connection, select(job.c.id).where(of_job)),
        measurements=_ids(connection, select(measurement.c.id).where(of_measurement)),
        radiographs=left,
    )
    _take_files(connection, part, of_file)
    return part


def part_of_batch(connection: Connection, batch_id: int, ids: Sequence[int]) -> ErasurePart:
    """Return the rows to remove with the files that the batch has of the jobs ``ids``.

    Raises BatchUnfinished.
    """
    these = is_one_of(connection, job.c.id, ids)
    jobs = connection.execute(
        select(job.c.id, job.c.state, job.c.radiograph_id).where(these).order_by(job.c.id)
    ).all()
    held = connection.execute(
        select(file.c.id, file.c.job_id, file.c.batch_id, file.c.duplicate)
        .where(is_one_of(connection, file.c.job_id, ids))
        .order_by(file.c.id)
    ).all()
    mine = {row.job_id for row in held if row.batch_id == batch_id}
    owned = {row.job_id for row in held if row.batch_id == batch_id and not row.duplicate}
    others: dict[int, int] = {}
    for row in held:
        if row.batch_id != batch_id:
            others.setdefault(row.job_id, row.id)
    if any(row.id in owned and row.state in OPEN for row in jobs):
        raise BatchUnfinished
    alone = [row for row in jobs if row.id in mine and row.id not in others]
    part = ErasurePart(
        jobs=[row.id for row in alone],
        heirs={each: others[each] for each in sorted(owned & others.keys())},
    )
    part.measurements = _ids(
        connection,
        select(measurement.c.id)
        .join(
            job,
            (job.c.radiograph_id == measurement.c.radiograph_id)
            & (job.c.model_version == measurement.c.model_version),
        )
        .where(is_one_of(connection, job.c.id, part.jobs)),
    )
    _take_files(
        connection, part, is_one_of(connection, file.c.job_id, ids), file.c.batch_id == batch_id
    )
    contents = sorted({row.radiograph_id for row in jobs if row.id in mine})
    stay = _elsewhere(connection, job, contents, part.jobs)
    stay |= _elsewhere(connection, file, contents, part.files)
    part.radiographs = [each for each in contents if each not in stay]
    part.shared = sorted(stay)
    return part


def part_of_refused(
    connection: Connection, ids: Sequence[int], chosen: Select[tuple[int]]
) -> ErasurePart:
    """Return those files of ``ids``, refused at intake, that are still ``chosen``."""
    part = ErasurePart()
    left = _ids(connection, chosen.where(is_one_of(connection, file.c.id, ids)))
    _take_files(connection, part, is_one_of(connection, file.c.id, left))
    return part


def count_part(connection: Connection, part: ErasurePart) -> ErasureCount:
    """Return the counts of a part, except of batches."""
    failures = 0
    for ids in pieces(part.jobs):
        asked = select(func.count()).where(is_one_of(connection, failure.c.job_id, ids))
        failures += connection.execute(asked).scalar_one()
    return ErasureCount(
        files=len(part.files),
        radiographs=len(part.radiographs),
        measurements=len(part.measurements),
        failures=failures,
        handed_over=len(part.heirs),
    )


def remove(connection: Connection, part: ErasurePart) -> ErasureCount:
    """Remove a part, and the batches that have no file left; return the counts."""
    count = count_part(connection, part)
    strike_begun(connection, sorted(part.by_batch))
    count_for_other_files(connection, part.heirs)
    # Files first: the tally's triggers read the rows they counted by.
    _delete(connection, file.c.id, part.files)
    _delete(connection, failure.c.job_id, part.jobs)
    _delete(connection, measurement.c.id, part.measurements)
    _delete(connection, job.c.id, part.jobs)
    # The next forgetting tries again to remove files that could not be removed.
    for some in pieces(part.radiographs):
        of_these = is_one_of(connection, output.c.radiograph_id, some)
        connection.execute(update(output).where(of_these).values(radiograph_id=None))
    _delete(connection, radiograph.c.id, part.radiographs)
    _name_anew(connection, part.shared)
    return count


def remove_empty(connection: Connection, batch_ids: Sequence[int], at: datetime) -> int:
    """Remove the batches without files, and their names in the audit log; return how many."""
    removed = 0
    for batch_id in batch_ids:
        asked = select(batch.c.name).where(
            batch.c.id == batch_id, ~exists().where(file.c.batch_id == batch_id)
        )
        name = connection.execute(asked).scalar_one_or_none()
        if name is None:
            continue
        rename_batch(connection, name, forgotten_batch(batch_id, at))
        reports = output.c.batch_id == batch_id
        # An export belongs to a person: it is named once, and never removed.
        connection.execute(delete(output).where(reports, output.c.exported))
        connection.execute(update(output).where(reports).values(batch_id=None))
        connection.execute(delete(tally).where(tally.c.batch_id == batch_id))
        of_batch = chunk.c.batch_id == batch_id
        held = exists().where(job.c.chunk_id == chunk.c.id)
        connection.execute(delete(chunk).where(of_batch, ~held))
        connection.execute(update(chunk).where(of_batch).values(batch_id=None))
        removed += connection.execute(delete(batch).where(batch.c.id == batch_id)).rowcount
    return removed


def _take_files(connection: Connection, part: ErasurePart, *chosen: ColumnElement[bool]) -> None:
    found = connection.execute(
        select(file.c.id, file.c.batch_id, file.c.destination, file.c.path).where(*chosen)
    ).all()
    part.files = [row.id for row in found]
    part.by_batch = Counter(row.batch_id for row in found)
    failed = [row.path for row in found if row.destination == Destination.FAILED]
    part.failed = [path for path in failed if not is_hashed(path)]


def _elsewhere(
    connection: Connection, table: Any, radiograph_ids: Sequence[int], without: Sequence[int]
) -> set[int]:
    """Return the radiographs that rows of ``table`` other than ``without`` refer to."""
    rows = connection.execute(
        select(table.c.id, table.c.radiograph_id).where(
            is_one_of(connection, table.c.radiograph_id, radiograph_ids)
        )
    )
    gone = set(without)
    return {row.radiograph_id for row in rows if row.id not in gone}


def _name_anew(connection: Connection, radiograph_ids: Sequence[int]) -> None:
    """Give radiographs whose path was of a removed file the path of a remaining one."""
    paths: dict[int, list[str]] = {}
    for ids in pieces(radiograph_ids):
        files = select(file.c.radiograph_id, file.c.path).order_by(file.c.id)
        for row in connection.execute(
            files.where(is_one_of(connection, file.c.radiograph_id, ids))
        ):
            paths.setdefault(row.radiograph_id, []).append(row.path)
    changed: list[Mapping[str, object]] = []
    for ids in pieces(radiograph_ids):
        asked = select(radiograph.c.id, radiograph.c.path)
        rows = connection.execute(asked.where(is_one_of(connection, radiograph.c.id, ids)))
        changed += [
            {"of": row.id, "now_at": paths[row.id][-1]}
            for row in rows
            if row.id in paths and row.path not in paths[row.id]
        ]
    if changed:
        connection.execute(
            update(radiograph)
            .where(radiograph.c.id == bindparam("of"))
            .values(path=bindparam("now_at")),
            changed,
        )


def _ids(connection: Connection, asked: Select[tuple[int]]) -> list[int]:
    return list(connection.scalars(asked))


def _lock(connection: Connection, ids: Sequence[int]) -> None:
    for some in pieces(ids):
        locked = select(radiograph.c.id).where(is_one_of(connection, radiograph.c.id, some))
        connection.execute(locked.order_by(radiograph.c.id).with_for_update()).all()


def _delete(connection: Connection, column: Column[Any], values: Sequence[int]) -> None:
    for some in pieces(values):
        connection.execute(delete(column.table).where(is_one_of(connection, column, some)))
