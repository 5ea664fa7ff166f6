"""What a batch has recorded of files, under whatever spelling of their paths."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from db.bulk import is_one_of
from db.columns import is_kept, path_digest
from db.database import pieces
from db.dialect_paths import spellings
from db.records import FileStat
from db.states import JobState
from db.tables import file, job
from radiograph.errors import FileUnavailable

#: What a retry takes back besides what was cancelled.
RETRIED = (JobState.FAILED, JobState.SET_ASIDE)
COULD_NOT_BE_READ = file.c.code.is_not_distinct_from(FileUnavailable.code)
#: Whether a file was cancelled, or is to be tried again, and only another submission of its folder
#: tells its path.
AWAITS_ITS_PATH = and_(
    ~is_kept(file.c.path),
    exists()
    .where(
        job.c.id == file.c.job_id,
        or_(
            job.c.state == JobState.CANCELLED,
            and_(job.c.state.in_(RETRIED), job.c.attempts == 0),
        ),
    )
    .correlate(file),
)


def unread_in(batch_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return what chooses the files of a batch that could not be read at intake."""
    return file.c.batch_id == batch_id, file.c.code == FileUnavailable.code


def forget_unread_at(connection: Connection, batch_id: int, paths: Sequence[str]) -> set[str]:
    """Make room for what files come to that could not be read the last time.

    Returns their paths.
    """
    unread = unread_in(batch_id)
    if connection.execute(select(file.c.id).where(*unread).limit(1)).first() is None:
        return set()
    forgotten: set[str] = set()
    # What is hashed does not tell its path.
    of = {path_digest(text): path for path in paths for text in spellings(connection, path)}
    for digests in pieces(list(of)):
        among_them = is_one_of(connection, file.c.path_digest, digests)
        gone = delete(file).where(*unread, among_them).returning(file.c.path_digest)
        forgotten.update(of[each] for each in connection.scalars(gone))
    return forgotten


def forget_pathless(connection: Connection, batch_id: int, paths: Sequence[str]) -> set[int]:
    """Make room for files that wait for their paths; return their jobs."""
    jobs: set[int] = set()
    texts = [text for path in paths for text in spellings(connection, path)]
    for digests in pieces([path_digest(text) for text in texts]):
        among_them = is_one_of(connection, file.c.path_digest, digests)
        waiting = (file.c.batch_id == batch_id, among_them, AWAITS_ITS_PATH)
        jobs.update(connection.scalars(delete(file).where(*waiting).returning(file.c.job_id)))
    return jobs


def recorded_stats(
    connection: Connection, batch_id: int, stats: Sequence[FileStat], *chosen: ColumnElement[bool]
) -> set[FileStat]:
    """Return what is recorded, of what is ``chosen``."""
    asked = set(stats)
    found: set[FileStat] = set()
    # What is hashed does not tell its path.
    of = {text: each.path for each in asked for text in spellings(connection, each.path)}
    for digests in pieces([path_digest(text) for text in of]):
        rows = connection.execute(
            select(file.c.path, file.c.size, file.c.mtime_ns).where(
                file.c.batch_id == batch_id,
                is_one_of(connection, file.c.path_digest, digests),
                *chosen,
            )
        )
        found.update(FileStat(of.get(row.path, row.path), row.size, row.mtime_ns) for row in rows)
    return found & asked
