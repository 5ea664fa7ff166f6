"""Recording the files of a submission: each content becomes one job, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import Connection, false, or_, select, update

from db.audit import Action, note
from db.batches import among_submissions, check_batch, hold_batch
from db.bulk import bound_rows, insert_of_rows, is_one_of, is_postgres
from db.columns import stored_digest
from db.contents import radiographs_of
from db.database import AnyRow, Database, insert_into, moment, pieces
from db.dialect_paths import archive_at
from db.jobs import moving, put_in_chunks
from db.path_hiding import hide_ended, hide_refused, lock_paths
from db.recorded_files import (
    AWAITS_ITS_PATH,
    COULD_NOT_BE_READ,
    RETRIED,
    forget_pathless,
    forget_unread_at,
    recorded_stats,
    unread_in,
)
from db.records import Batch, FileStat, IntakeCount, Refusal, SeenFile
from db.states import JobState, Priority
from db.tables import batch as batch_table
from db.tables import file, job
from db.tally import fold_within
from radiograph.errors import FileUnavailable


def open_batch(
    db: Database,
    name: str,
    priority: Priority,
    *,
    puts_away: bool | None = None,
    now: datetime | None = None,
) -> Batch:
    """Return the batch called ``name``, created if needed; an existing one keeps its priority.

    ``puts_away``: whether a watch moves its files when they have ended; None: unchanged.
    """
    with db.write() as connection:
        at = moment(connection, now)
        connection.execute(
            insert_into(connection, batch_table)
            .values(name=name, priority=priority, created_at=at)
            .on_conflict_do_nothing()
        )
        if puts_away is not None:
            named = batch_table.c.name == name
            connection.execute(update(batch_table).where(named).values(puts_away=puts_away))
        note(connection, Action.SUBMIT, name, at)
        row = connection.execute(select(batch_table).where(batch_table.c.name == name)).one()
    return Batch(row.id, row.name, row.priority, row.created_at, row.paused_at)


def known_files(db: Database, batch_id: int, stats: Sequence[FileStat]) -> set[FileStat]:
    """Return the ``stats`` that the batch has recorded."""
    with db.read() as connection:
        return recorded_stats(connection, batch_id, stats)


def read_files(
    db: Database, batch: Batch, stats: Sequence[FileStat], *, again: bool = False
) -> set[FileStat]:
    """Return the ``stats`` that the batch has recorded and that need not be read again.

    An unreadable file may have become readable without a change of its size or time, and is left
    out. ``again``: also leave out files that must be submitted again, as their path is not kept.
    Raises BatchUnknown: the batch was forgotten.
    """
    with db.read() as connection:
        check_batch(connection, batch.id, batch.name)
        left_out = ~or_(COULD_NOT_BE_READ, AWAITS_ITS_PATH if again else false())
        return recorded_stats(connection, batch.id, stats, left_out)


def unread_paths(db: Database, batch_id: int) -> list[str]:
    """Return the paths, or hashes, of the batch's files that could not be read at intake."""
    with db.read() as connection:
        return list(connection.scalars(select(file.c.path).where(*unread_in(batch_id))))


def forget_unread(db: Database, batch_id: int, paths: Sequence[str]) -> IntakeCount:
    """Remove the records of those ``paths`` that could not be read at intake; count them."""
    with db.write() as connection:
        return IntakeCount(reopened=len(forget_unread_at(connection, batch_id, paths)))


def record_files(
    db: Database,
    batch: Batch,
    files: Sequence[SeenFile],
    model_version: str,
    chunk_size: int,
    *,
    again: bool = False,
    now: datetime | None = None,
) -> IntakeCount:
    """Record files in one transaction and queue every content without a job for this model.

    A content whose job was cancelled is queued again for this batch. An urgent batch raises the
    priority of existing routine jobs. ``again``: also queue jobs whose path was not kept.
    Raises BatchUnknown: it was forgotten.
    """
    with db.write() as connection:
        # Submissions to one batch take turns, so that known files stay known until the commit.
        among_submissions(connection)
        hold_batch(connection, batch.id, batch.name)
        at = moment(connection, now)
        paths = [each.stat.path for each in files]
        unread = forget_unread_at(connection, batch.id, paths)
        reopened = forget_pathless(connection, batch.id, paths) if again else set()
        recorded = recorded_stats(connection, batch.id, [each.stat for each in files])
        fresh = {each.stat: each for each in files if each.stat not in recorded}
        refused = [
            _refused_row(connection, batch, each, each.refusal, at)
            for each in fresh.values()
            if each.refusal is not None
        ]
        contents = _by_content(fresh.values())
        radiograph_ids = radiographs_of(connection, contents, at)
        job_ids, owned = _jobs(
            connection,
            radiograph_ids,
            batch,
            reopened,
            model_version=model_version,
            chunk_size=chunk_size,
            at=at,
        )
        rows = list(refused)
        queued = 0
        for content, seen in contents.items():
            for position, each in enumerate(seen):
                owns = position == 0 and content in owned
                queued += owns
                rows.append(
                    _row(connection, batch, each, at)
                    | {
                        "radiograph_id": radiograph_ids[content],
                        "job_id": job_ids[content],
                        "duplicate": not owns,
                    }
                )
        if rows:
            statement = insert_of_rows(connection.dialect.name, file, tuple(rows[0]))
            connection.execute(statement, bound_rows(connection, file, rows))
        _hide(connection, batch.id, refused, radiograph_ids.values())
        if not is_postgres(connection):
            fold_within(connection)  # SQLite: one tally entry per row
    return IntakeCount(
        seen=len(files),
        queued=queued,
        duplicates=len(fresh) - len(refused) - queued,
        refused=len(refused),
        known=len(files) - len(fresh),
        reopened=len(unread - {str(row["path"]) for row in refused if _is_unread(row)}),
    )


def _is_unread(row: Mapping[str, object]) -> bool:
    return row["code"] == FileUnavailable.code


def _hide(
    connection: Connection,
    batch_id: int,
    refused: Sequence[Mapping[str, object]],
    radiograph_ids: Iterable[int],
) -> None:
    """Hide the paths of files that wait for nothing; do nothing if paths are kept."""
    if not archive_at(connection.dialect).hashes:
        return
    for some in pieces([str(row["path_digest"]) for row in refused]):
        these = is_one_of(connection, file.c.path_digest, some)
        chosen = select(file.c.id).where(file.c.batch_id == batch_id, these)
        hide_refused(connection, connection.scalars(chosen).all())
    hide_ended(connection, radiograph_ids)


def _by_content(files: Iterable[SeenFile]) -> dict[str, list[SeenFile]]:
    contents: dict[str, list[SeenFile]] = {}
    for each in files:
        if each.refusal is None:
            if each.sha256 is None or each.format is None:
                raise ValueError("a file is either recognised, with hash and format, or refused")
            contents.setdefault(each.identity or each.sha256, []).append(each)
    return contents


def _jobs(
    connection: Connection,
    radiograph_ids: Mapping[str, int],
    batch: Batch,
    reopened: AbstractSet[int],
    *,
    model_version: str,
    chunk_size: int,
    at: datetime,
) -> tuple[dict[str, int], set[str]]:
    """Create or find the job of each content; also return the contents that this batch now owns."""
    ids = sorted(set(radiograph_ids.values()))
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
    statement = insert_of_rows(
        connection.dialect.name, job, tuple(fresh[0])
    ).on_conflict_do_nothing()
    made = connection.execute(
        statement.returning(job.c.radiograph_id), bound_rows(connection, job, fresh)
    )
    new = set(made.scalars())
    jobs: dict[int, AnyRow] = {}
    for some in pieces(ids):
        rows = connection.execute(
            select(job.c.id, job.c.radiograph_id, job.c.state, job.c.priority, job.c.attempts)
            .where(
                is_one_of(connection, job.c.radiograph_id, some),
                job.c.model_version == model_version,
            )
            .order_by(job.c.id)
            .with_for_update()
        ).all()
        jobs.update((row.radiograph_id, row) for row in rows)
    lock_paths(connection, ids)
    ended = {
        each
        for each in ids
        if jobs[each].state == JobState.CANCELLED
        or (jobs[each].id in reopened and _begins_anew(jobs[each]))
    }
    overtaken = {
        each
        for each in ids
        if batch.priority == Priority.URGENT
        and jobs[each].priority == Priority.ROUTINE
        and jobs[each].state == JobState.QUEUED
    }
    _revive(connection, [jobs[each] for each in sorted(ended)])
    to_queue = new | ended | overtaken
    put_in_chunks(
        connection,
        [jobs[each].id for each in dict.fromkeys(radiograph_ids.values()) if each in to_queue],
        batch_id=batch.id,
        model_version=model_version,
        priority=batch.priority,
        chunk_size=chunk_size,
        now=at,
    )
    job_ids = {content: jobs[each].id for content, each in radiograph_ids.items()}
    # Of two contents of one radiograph, as an older schema told them apart, one owns the job.
    first = {each: content for content, each in reversed(list(radiograph_ids.items()))}
    return job_ids, {first[each] for each in new | ended}


def _begins_anew(row: AnyRow) -> bool:
    """Return whether a retry could not queue the job, as its path is not kept."""
    return row.state in RETRIED and row.attempts == 0


def _revive(connection: Connection, jobs: Sequence[AnyRow]) -> None:
    for state in (JobState.CANCELLED, *RETRIED):
        for some in pieces([row.id for row in jobs if row.state == state]):
            connection.execute(
                moving(state, JobState.QUEUED)
                .where(job.c.id.in_(some))
                .values(settled_at=None, code=None, detail=None)
            )
    for some in pieces([row.id for row in jobs]):
        # The job counts for the new batch; the file of the cancelled batch becomes a duplicate.
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
