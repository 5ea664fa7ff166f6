"""Recording the files of a submission: each content becomes one job, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update

from db.audit import Action, note
from db.batches import among_submissions, check_batch, hold_batch
from db.bulk import among, at_once, bound, inserting
from db.columns import path_digests, stored_digest
from db.database import AnyRow, Database, insert_into, moment, pieces
from db.jobs import moving, put_in_chunks
from db.records import Batch, FileStat, IntakeCount, Refusal, SeenFile
from db.states import JobState, Priority
from db.tables import batch as batch_table
from db.tables import file, job, radiograph
from db.tally import fold_within
from radiograph.errors import FileUnavailable
from radiograph.records import View


def open_batch(
    db: Database, name: str, priority: Priority, *, now: datetime | None = None
) -> Batch:
    """Get the batch called ``name`` or make it; one that stands keeps its priority."""
    with db.write() as connection:
        at = moment(connection, now)
        connection.execute(
            insert_into(connection, batch_table)
            .values(name=name, priority=priority, created_at=at)
            .on_conflict_do_nothing()
        )
        note(connection, Action.SUBMIT, name, at)
        row = connection.execute(select(batch_table).where(batch_table.c.name == name)).one()
    return Batch(row.id, row.name, row.priority, row.created_at, row.paused_at)


def known_files(db: Database, batch_id: int, stats: Sequence[FileStat]) -> set[FileStat]:
    """Those of ``stats`` that the batch has recorded."""
    with db.read() as connection:
        return _known(connection, batch_id, stats)


def read_files(db: Database, batch: Batch, stats: Sequence[FileStat]) -> set[FileStat]:
    """Those of ``stats`` that the batch has recorded and that need not be read again.

    A file that could not be read may be readable now, and looks as it did.
    Raises BatchUnknown: the batch was forgotten.
    """
    with db.read() as connection:
        check_batch(connection, batch.id, batch.name)
        return _known(connection, batch.id, stats, unread=False)


def unread_paths(db: Database, batch_id: int) -> list[str]:
    """Paths that the batch holds as failed since they could not be read at intake."""
    with db.read() as connection:
        return list(connection.scalars(select(file.c.path).where(*_unread(batch_id))))


def forget_unread(db: Database, batch_id: int, paths: Sequence[str]) -> IntakeCount:
    """Forget those of ``paths`` that are held as failed for this reason; count them."""
    with db.write() as connection:
        return IntakeCount(reopened=len(_forget_unread(connection, batch_id, paths)))


def _unread(batch_id: int) -> tuple[ColumnElement[bool], ...]:
    return file.c.batch_id == batch_id, file.c.code == FileUnavailable.code


def record_files(
    db: Database,
    batch: Batch,
    files: Sequence[SeenFile],
    model_version: str,
    chunk_size: int,
    *,
    now: datetime | None = None,
) -> IntakeCount:
    """Record files in one transaction and queue every content that has no job for this model.

    A content whose job was cancelled is queued again for this batch. An urgent batch hastens the
    routine jobs it meets. Raises BatchUnknown: it was forgotten.
    """
    with db.write() as connection:
        # Submissions of one batch take turns, so that what is known stays known to the end.
        among_submissions(connection)
        hold_batch(connection, batch.id, batch.name)
        at = moment(connection, now)
        unread = _forget_unread(connection, batch.id, [each.stat.path for each in files])
        known = _known(connection, batch.id, [each.stat for each in files])
        fresh = {each.stat: each for each in files if each.stat not in known}
        refused = [
            _refused_row(connection, batch, each, each.refusal, at)
            for each in fresh.values()
            if each.refusal is not None
        ]
        contents = _by_content(fresh.values())
        radiograph_ids = _radiographs(connection, contents, at)
        job_ids, owned = _jobs(
            connection,
            radiograph_ids,
            batch,
            model_version=model_version,
            chunk_size=chunk_size,
            at=at,
        )
        rows = list(refused)
        queued = 0
        for sha256, seen in contents.items():
            for position, each in enumerate(seen):
                owns = position == 0 and sha256 in owned
                queued += owns
                rows.append(
                    _row(connection, batch, each, at)
                    | {
                        "radiograph_id": radiograph_ids[sha256],
                        "job_id": job_ids[sha256],
                        "duplicate": not owns,
                    }
                )
        if rows:
            statement = inserting(connection.dialect.name, file, tuple(rows[0]))
            connection.execute(statement, bound(connection, file, rows))
        if not at_once(connection):
            fold_within(connection)  # SQLite's triggers know single rows
    return IntakeCount(
        seen=len(files),
        queued=queued,
        duplicates=len(fresh) - len(refused) - queued,
        refused=len(refused),
        known=len(files) - len(fresh),
        reopened=len(unread - {str(row["path_digest"]) for row in refused if _is_unread(row)}),
    )


def _is_unread(row: Mapping[str, object]) -> bool:
    return row["code"] == FileUnavailable.code


def _forget_unread(connection: Connection, batch_id: int, paths: Sequence[str]) -> set[str]:
    """Make room for what files come to that could not be read the last time.

    Returns the digests of their paths.
    """
    unread = _unread(batch_id)
    if connection.execute(select(file.c.id).where(*unread).limit(1)).first() is None:
        return set()
    forgotten: set[str] = set()
    for digests in pieces(path_digests(connection, paths)):
        among_them = among(connection, file.c.path_digest, digests)
        gone = delete(file).where(*unread, among_them).returning(file.c.path_digest)
        forgotten.update(connection.scalars(gone))
    return forgotten


def _known(
    connection: Connection, batch_id: int, stats: Sequence[FileStat], *, unread: bool = True
) -> set[FileStat]:
    """Return what is recorded; with ``unread`` also what could not be read."""
    asked = set(stats)
    found: set[FileStat] = set()
    for digests in pieces(path_digests(connection, [each.path for each in asked])):
        found_ones = select(file.c.path, file.c.size, file.c.mtime_ns).where(
            file.c.batch_id == batch_id, among(connection, file.c.path_digest, digests)
        )
        if not unread:
            found_ones = found_ones.where(file.c.code.is_distinct_from(FileUnavailable.code))
        rows = connection.execute(found_ones)
        found.update(FileStat(row.path, row.size, row.mtime_ns) for row in rows)
    return found & asked


def _by_content(files: Iterable[SeenFile]) -> dict[str, list[SeenFile]]:
    contents: dict[str, list[SeenFile]] = {}
    for each in files:
        if each.refusal is None:
            if each.sha256 is None or each.format is None:
                raise ValueError("a file is either recognised, with hash and format, or refused")
            contents.setdefault(each.sha256, []).append(each)
    return contents


def _radiographs(
    connection: Connection, contents: Mapping[str, Sequence[SeenFile]], at: datetime
) -> dict[str, int]:
    # Sorted: two submissions that meet the same contents wait for each other, never in a circle.
    hashes = sorted(contents)
    if not hashes:
        return {}
    fresh: list[dict[str, object]] = [
        {
            "sha256": sha256,
            "format": contents[sha256][0].format,
            "path": contents[sha256][0].stat.path,
            "size": contents[sha256][0].stat.size,
            "view": View.UNKNOWN,
            "frames": 1,
            "created_at": at,
        }
        for sha256 in hashes
    ]
    statement = inserting(connection.dialect.name, radiograph, tuple(fresh[0]))
    connection.execute(statement.on_conflict_do_nothing(), bound(connection, radiograph, fresh))
    found: dict[str, int] = {}
    for some in pieces(hashes):
        rows = connection.execute(
            select(radiograph.c.sha256, radiograph.c.id).where(
                among(connection, radiograph.c.sha256, some)
            )
        )
        found.update((row.sha256, row.id) for row in rows)
    return {sha256: found[sha256] for sha256 in contents}  # the order of the files


def _jobs(
    connection: Connection,
    radiograph_ids: Mapping[str, int],
    batch: Batch,
    *,
    model_version: str,
    chunk_size: int,
    at: datetime,
) -> tuple[dict[str, int], set[str]]:
    """Make or find every content's job; also tell the contents whose job is this batch's now."""
    ids = sorted(radiograph_ids.values())
    if not ids:
        return {}, set()
    fresh: list[dict[str, object]] = [
        {
            "radiograph_id": radiograph_id,
            "model_version": model_version,
            "state": JobState.QUEUED,
            "priority": batch.priority,
            "attempts": 0,
            "transient_refusals": 0,
            "alone_crashes": 0,
        }
        for radiograph_id in ids
    ]
    statement = inserting(connection.dialect.name, job, tuple(fresh[0])).on_conflict_do_nothing()
    made = connection.execute(
        statement.returning(job.c.radiograph_id), bound(connection, job, fresh)
    )
    new = set(made.scalars())
    jobs: dict[int, AnyRow] = {}
    for some in pieces(ids):
        rows = connection.execute(
            select(job.c.id, job.c.radiograph_id, job.c.state, job.c.priority)
            .where(
                among(connection, job.c.radiograph_id, some), job.c.model_version == model_version
            )
            .order_by(job.c.id)
            .with_for_update()
        ).all()
        jobs.update((row.radiograph_id, row) for row in rows)
    cancelled = {each for each in ids if jobs[each].state == JobState.CANCELLED}
    overtaken = {
        each
        for each in ids
        if batch.priority == Priority.URGENT
        and jobs[each].priority == Priority.ROUTINE
        and jobs[each].state == JobState.QUEUED
    }
    _revive(connection, [jobs[each].id for each in sorted(cancelled)])
    to_queue = new | cancelled | overtaken
    put_in_chunks(
        connection,
        [jobs[each].id for each in radiograph_ids.values() if each in to_queue],
        batch_id=batch.id,
        model_version=model_version,
        priority=batch.priority,
        chunk_size=chunk_size,
        now=at,
    )
    job_ids = {sha256: jobs[each].id for sha256, each in radiograph_ids.items()}
    return job_ids, {sha256 for sha256, each in radiograph_ids.items() if each in new | cancelled}


def _revive(connection: Connection, job_ids: Sequence[int]) -> None:
    for some in pieces(job_ids):
        connection.execute(
            moving(JobState.CANCELLED, JobState.QUEUED)
            .where(job.c.id.in_(some))
            .values(settled_at=None)
        )
        # The job counts for the new batch; where it was cancelled its file is a duplicate now.
        connection.execute(update(file).where(file.c.job_id.in_(some)).values(duplicate=True))


def _row(connection: Connection, batch: Batch, each: SeenFile, at: datetime) -> dict[str, object]:
    return {
        "batch_id": batch.id,
        "path": each.stat.path,
        "path_digest": stored_digest(connection, each.stat.path),
        "size": each.stat.size,
        "mtime_ns": each.stat.mtime_ns,
        "sha256": each.sha256,
        "radiograph_id": None,
        "job_id": None,
        "duplicate": False,
        "code": None,
        "detail": None,
        "disposition": None,
        "seen_at": at,
    }


def _refused_row(
    connection: Connection, batch: Batch, each: SeenFile, refusal: Refusal, at: datetime
) -> dict[str, object]:
    return _row(connection, batch, each, at) | {
        "code": refusal.code,
        "detail": refusal.detail,
        "disposition": refusal.disposition,
    }
