"""Looking up a batch's recorded files, in any stored form of their paths."""

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

#: States that a retry takes back besides cancelled.
RETRIED = (JobState.FAILED, JobState.SET_ASIDE)
COULD_NOT_BE_READ = file.c.code.is_not_distinct_from(FileUnavailable.code)
#: The condition that a file was cancelled or is to be retried, but its path is only known from
#: another submission of its folder.
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
    """Return the conditions for the files of a batch that could not be read at intake."""
    return file.c.batch_id == batch_id, file.c.code == FileUnavailable.code


def forget_unread_at(connection: Connection, batch_id: int, paths: Sequence[str]) -> set[str]:
    """Delete the records of files that could not be read at intake; return their paths."""
    unread = unread_in(batch_id)
    if connection.execute(select(file.c.id).where(*unread).limit(1)).first() is None:
        return set()
    forgotten: set[str] = set()
    # A stored hash does not reveal the path.
    of = {path_digest(text): path for path in paths for text in spellings(connection, path)}
    for digests in pieces(list(of)):
        among_them = is_one_of(connection, file.c.path_digest, digests)
        gone = delete(file).where(*unread, among_them).returning(file.c.path_digest)
        forgotten.update(of[each] for each in connection.scalars(gone))
    return forgotten


def forget_pathless(connection: Connection, batch_id: int, paths: Sequence[str]) -> set[int]:
    """Delete the records of files that wait for their paths; return their jobs."""
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
    """Return the ``stats`` that are recorded among the ``chosen`` files."""
    asked = set(stats)
    found: set[FileStat] = set()
    # A stored hash does not reveal the path.
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
