"""Queueing known radiographs, selected by their results, for measurement by another network."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from db.columns import is_kept
from db.database import Database
from db.intake import record_files
from db.query.filters import filtered
from db.records import Batch, FileStat, IntakeCount, ResultFilter, SeenFile
from db.tables import file, measurement, radiograph
from radiograph.errors import PathNotKept
from radiograph.instance import Instance

#: Radiographs queued per round, so that an archive is never in memory as a whole.
_ROUND = 1000


def remeasure(
    db: Database, batch: Batch, wanted: ResultFilter, model_version: str, chunk_size: int
) -> Iterator[IntakeCount]:
    """Queue radiographs with a ``wanted`` result of another network; yield the counts per round.

    Each radiograph becomes a file of ``batch`` at the path where it was last seen; no file is
    read. Files already in the batch are counted as known, and those that ``model_version`` measured
    or will measure for another batch as duplicates, so that a repeated call queues nothing twice.
    Raises BatchUnknown, ModelUnknown, StudyUnknown; PathNotKept once all others are queued.
    """
    after, left = 0, wanted.limit
    lost = 0
    while left is None or left > 0:
        most = _ROUND if left is None else min(_ROUND, left)
        ids, seen = _chosen(db, wanted, model_version, after, most)
        if not ids:
            break
        lost += len(ids) - len(seen)
        yield record_files(db, batch, seen, model_version, chunk_size)
        after = ids[-1]
        left = None if left is None else left - len(ids)
    if lost:
        raise PathNotKept.about(f"{lost} of the radiographs")


def _chosen(
    db: Database, wanted: ResultFilter, model_version: str, after: int, most: int
) -> tuple[list[int], list[SeenFile]]:
    """Return the ids of the next radiographs, and the newest file of each whose path is kept."""
    with db.read() as connection:
        results = (
            select(radiograph.c.id)
            .distinct()
            .join_from(radiograph, measurement, measurement.c.radiograph_id == radiograph.c.id)
            .where(radiograph.c.id > after, measurement.c.model_version != model_version)
            .order_by(radiograph.c.id)
            .limit(most)
        )
        ids = list(connection.execute(filtered(connection, results, wanted)).scalars())
        newest = (
            select(func.max(file.c.id))
            .where(file.c.radiograph_id.in_(ids), is_kept(file.c.path))
            .group_by(file.c.radiograph_id)
        )
        rows = connection.execute(
            select(
                file.c.path,
                file.c.size,
                file.c.mtime_ns,
                radiograph.c.sha256,
                radiograph.c.format,
                radiograph.c.content_digest,
                radiograph.c.sop_uid,
            )
            .join_from(file, radiograph, radiograph.c.id == file.c.radiograph_id)
            .where(file.c.id.in_(newest))
            .order_by(radiograph.c.id)
        ).all()
    seen = [
        SeenFile(
            FileStat(row.path, row.size, row.mtime_ns),
            row.sha256,
            row.format,
            instance=row.content_digest and Instance(row.content_digest, row.sop_uid),
        )
        for row in rows
    ]
    return ids, seen
