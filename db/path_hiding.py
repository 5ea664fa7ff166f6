"""Replacing the paths of processed files by hashes, if the site is configured so.

A path is needed as long as a job may read the file, and until a watch has moved the file. Every
transaction that ends either hides the paths concerned. The rest, such as files processed under
another setting, is found by `hide_next`, which the upkeep calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)

from db.archive import Archive
from db.bulk import is_one_of
from db.columns import is_kept, path_digest
from db.database import AnyRow, Database, pieces
from db.dialect_paths import archive_at
from db.states import Destination, JobState
from db.tables import batch, file, job, radiograph

_OPEN = (JobState.QUEUED, JobState.RUNNING)
#: The condition that a watch has yet to move a file and needs its path.
_AWAITS_A_PLACE = and_(
    exists().where(batch.c.id == file.c.batch_id, batch.c.puts_away).correlate(file),
    or_(
        file.c.destination.is_(None),
        # It failed, was moved, and was measured by a later try: it is moved again.
        and_(
            file.c.destination == Destination.FAILED,
            exists()
            .where(job.c.id == file.c.job_id, job.c.state == JobState.MEASURED)
            .correlate(file),
        ),
    ),
)
_FILES = select(file.c.id, file.c.batch_id, file.c.path, file.c.size, file.c.mtime_ns)


def hide_ended(connection: Connection, radiograph_ids: Iterable[int]) -> None:
    """Hide the paths of those radiographs that no job may read any more, and of their files.

    Call it last in a transaction. Does nothing if paths are kept.
    """
    archive = archive_at(connection.dialect)
    if not archive.hashes:
        return
    for some in pieces(sorted(set(radiograph_ids))):
        # If two transactions end jobs of one radiograph, the second sees the first one's changes.
        lock_paths(connection, some)
        waiting = set(
            connection.scalars(
                select(job.c.radiograph_id).where(
                    is_one_of(connection, job.c.radiograph_id, some), job.c.state.in_(_OPEN)
                )
            )
        )
        ended = [each for each in some if each not in waiting]
        _hide_radiographs(connection, archive, ended)
        _hide_files(connection, archive, is_one_of(connection, file.c.radiograph_id, ended))


def hide_refused(connection: Connection, file_ids: Sequence[int]) -> None:
    """Hide the paths of files refused at intake; do nothing if paths are kept."""
    archive = archive_at(connection.dialect)
    if archive.hashes:
        for some in pieces(file_ids):
            unknown = file.c.radiograph_id.is_(None)
            _hide_files(connection, archive, and_(is_one_of(connection, file.c.id, some), unknown))


def hide_next(db: Database, after: int, most: int) -> int:
    """Hide remaining paths in the next ``most`` files by id; return where to continue, or 0."""
    with db.read() as connection:
        if not archive_at(connection.dialect).hashes:
            return 0
        next_ones = select(file.c.id).where(file.c.id > after).order_by(file.c.id).limit(most)
        last: int | None = connection.scalar(select(func.max(next_ones.subquery().c.id)))
        if last is None:
            return 0
        found = connection.execute(
            select(file.c.id, file.c.radiograph_id).where(
                file.c.id > after,
                file.c.id <= last,
                is_kept(file.c.path),
                not_(_AWAITS_A_PLACE),
                not_(
                    exists()
                    .where(job.c.radiograph_id == file.c.radiograph_id, job.c.state.in_(_OPEN))
                    .correlate(file)
                ),
            )
        ).all()
    if found:
        with db.write() as connection:
            of = [row.radiograph_id for row in found if row.radiograph_id is not None]
            hide_ended(connection, of)
            hide_refused(connection, [row.id for row in found if row.radiograph_id is None])
    return last


def lock_paths(connection: Connection, radiograph_ids: Iterable[int]) -> None:
    """Lock the paths of radiographs.

    Lock jobs before calling it, and change files after it. Does nothing if paths are kept.
    """
    if not archive_at(connection.dialect).hashes:
        return
    for some in pieces(sorted(set(radiograph_ids))):
        chosen = select(radiograph.c.id).where(is_one_of(connection, radiograph.c.id, some))
        connection.execute(chosen.order_by(radiograph.c.id).with_for_update(key_share=True)).all()


def without_path(connection: Connection, radiograph_ids: Sequence[int]) -> set[int]:
    """Return those radiographs that cannot be read, since no path of theirs is kept."""
    kept: set[int] = set()
    for some in pieces(radiograph_ids):
        for table, column in ((radiograph, radiograph.c.id), (file, file.c.radiograph_id)):
            chosen = select(column).where(
                is_one_of(connection, column, some), is_kept(table.c.path)
            )
            kept.update(connection.scalars(chosen))
    return set(radiograph_ids) - kept


def _hide_radiographs(connection: Connection, archive: Archive, ids: Sequence[int]) -> None:
    rows = connection.execute(
        select(radiograph.c.id, radiograph.c.path).where(
            is_one_of(connection, radiograph.c.id, ids), is_kept(radiograph.c.path)
        )
    ).all()
    if rows:
        connection.execute(
            update(radiograph)
            .where(radiograph.c.id == bindparam("of"))
            .values(path=bindparam("hidden")),
            [{"of": row.id, "hidden": archive.hashed(row.path)} for row in rows],
        )


def _hide_files(connection: Connection, archive: Archive, chosen: ColumnElement[bool]) -> None:
    rows = connection.execute(
        _FILES.where(chosen, is_kept(file.c.path), not_(_AWAITS_A_PLACE)).order_by(file.c.id)
    ).all()
    if not rows:
        return
    changed: list[dict[str, object]] = []
    taken = _taken(connection, archive, rows)
    for row in rows:
        hidden = archive.hashed(row.path)
        key = (row.batch_id, path_digest(hidden), row.size, row.mtime_ns)
        if key in taken:  # recorded twice, in two forms: the row's id makes it unique
            key = (row.batch_id, path_digest(f"{hidden}:{row.id}"), row.size, row.mtime_ns)
        taken.add(key)
        changed.append({"of": row.id, "hidden": hidden, "digest": key[1]})
    connection.execute(
        update(file)
        .where(file.c.id == bindparam("of"))
        .values(path=bindparam("hidden"), path_digest=bindparam("digest")),
        changed,
    )


def _taken(
    connection: Connection, archive: Archive, rows: Sequence[AnyRow]
) -> set[tuple[int, str, int, int]]:
    """Return those of the files' future keys that other files already have."""
    taken: set[tuple[int, str, int, int]] = set()
    for some in pieces([path_digest(archive.hashed(row.path)) for row in rows]):
        found = connection.execute(
            select(file.c.batch_id, file.c.path_digest, file.c.size, file.c.mtime_ns).where(
                is_one_of(connection, file.c.path_digest, some)
            )
        )
        taken.update((row.batch_id, row.path_digest, row.size, row.mtime_ns) for row in found)
    return taken
