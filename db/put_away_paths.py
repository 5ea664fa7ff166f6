"""Paths of files that a watch moved after they had ended."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, case, func, literal, or_, select, update

from db.batches import check_batch
from db.bulk import is_one_of
from db.columns import FilePath, is_kept, stored_digest
from db.database import Database
from db.dialect_paths import spellings
from db.path_hiding import hide_ended, hide_refused, lock_paths
from db.records import Batch, EndedFile, FileStat, PlacedFile
from db.states import Destination, JobState
from db.tables import file, job, radiograph

_ENDED = (JobState.MEASURED, JobState.SET_ASIDE, JobState.FAILED)


def ended_files(db: Database, batch: Batch, *, after: int, limit: int) -> list[EndedFile]:
    """Return ended files of a batch that a watch has yet to move, by id, beyond ``after``.

    This includes files that were moved as failed and then measured by a later try.
    Raises BatchUnknown: the batch was forgotten.
    """
    wanted = case((job.c.state == JobState.MEASURED, Destination.DONE), else_=Destination.FAILED)
    ended = or_(file.c.disposition.is_not(None), job.c.state.in_(_ENDED))
    recovered = and_(file.c.destination == Destination.FAILED, job.c.state == JobState.MEASURED)
    with db.read() as connection:
        check_batch(connection, batch.id, batch.name)
        rows = connection.execute(
            select(
                file.c.id,
                file.c.path,
                file.c.size,
                file.c.mtime_ns,
                file.c.sha256,
                wanted.label("wanted"),
                func.coalesce(file.c.code, job.c.code).label("code"),
                func.coalesce(file.c.detail, job.c.detail).label("detail"),
                func.coalesce(job.c.settled_at, file.c.seen_at).label("ended_at"),
            )
            .select_from(file)
            .outerjoin(job, job.c.id == file.c.job_id)
            .where(
                file.c.batch_id == batch.id,
                file.c.id > after,
                ended,
                or_(file.c.destination.is_(None), recovered),
                is_kept(file.c.path),
            )
            .order_by(file.c.id)
            .limit(limit)
        ).all()
    return [
        EndedFile(
            id=row.id,
            stat=FileStat(row.path, row.size, row.mtime_ns),
            wanted=Destination(row.wanted),
            sha256=row.sha256,
            code=row.code,
            detail=row.detail,
            ended_at=row.ended_at,
        )
        for row in rows
    ]


def record_places(db: Database, placed: Sequence[PlacedFile]) -> None:
    """Record the new paths of files, in one transaction; their radiographs are read there."""
    with db.write() as connection:
        ids = [each.id for each in placed]
        chosen = select(file.c.radiograph_id).where(is_one_of(connection, file.c.id, ids))
        radiograph_ids = connection.scalars(chosen.where(file.c.radiograph_id.is_not(None))).all()
        lock_paths(connection, radiograph_ids)
        for each in placed:
            this = file.c.id == each.id
            former = connection.execute(
                select(file.c.radiograph_id, file.c.path).where(this)
            ).first()
            if former is None:
                continue  # forgotten meanwhile
            # The radiograph may have been recorded under another setting of the form of paths.
            texts = [literal(text, FilePath) for text in spellings(connection, former.path)]
            connection.execute(
                update(radiograph)
                .where(radiograph.c.id == former.radiograph_id, radiograph.c.path.in_(texts))
                .values(path=each.path)
            )
            digest = stored_digest(connection, each.path)
            connection.execute(
                update(file)
                .where(this)
                .values(destination=each.destination, path=each.path, path_digest=digest)
            )
        hide_ended(connection, radiograph_ids)
        hide_refused(connection, ids)
