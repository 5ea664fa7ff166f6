"""Forgetting: removing the data of a batch, a patient or a period, in rounds.

Each round is a separate transaction that reads again what is left to remove, so that other writers
get their turn, and after a kill the same command completes the work. Contents that another batch
has too stay with that batch. A running job is removed like any other: its owner token then keeps
its worker from storing a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from db.audit import Action, amend, forgotten_batch, note
from db.batches import among_submissions, batch_id_of, lock_batches, own_jobs
from db.bulk import is_postgres
from db.database import Database, moment, pieces
from db.erasure_parts import (
    OPEN,
    ErasurePart,
    chosen_radiographs,
    count_part,
    lock_jobs,
    lock_radiographs,
    part_of_batch,
    part_of_radiographs,
    part_of_refused,
    remove,
    remove_empty,
)
from db.erasure_records import ErasureCount, ErasurePlan, Scope
from db.errors import BatchUnfinished
from db.outputs import outputs_of
from db.rounds import ROUND, rounds
from db.tables import batch, file, job
from db.tally import fold_within


def plan_erasure(db: Database, scope: Scope) -> ErasurePlan:
    """Return what forgetting would remove; nothing is changed.

    Raises BatchUnknown, BatchUnfinished.
    """
    batch_id = _batch_to_erase(db, scope)
    count = ErasureCount()
    files: Counter[int] = Counter() if batch_id is None else Counter({batch_id: 0})
    going: list[int] = []
    failed: list[str] = []
    for ids in pieces(_keys(db, scope, batch_id), ROUND):
        with db.read() as connection:
            part = _part(connection, scope, batch_id, ids)
            count += count_part(connection, part)
        files.update(part.by_batch)
        going += part.radiographs
        failed += part.failed
    refused = _refused(scope, batch_id)
    for ids in pieces(_all(db, refused), ROUND):
        with db.read() as connection:
            part = part_of_refused(connection, ids, refused)
        count += ErasureCount(files=len(part.files))
        files.update(part.by_batch)
        failed += part.failed
    with db.read() as connection:
        names = _names(connection, sorted(files))
        whole = [each for each in names if _file_count(connection, each) == files[each]]
        outputs = outputs_of(connection, sorted(names), going)
    return ErasurePlan(
        count=replace(count, batches=len(whole)),
        batches={name: files[each] for each, name in names.items()},
        emptied=tuple(names[each] for each in whole),
        outputs=outputs,
        failed=failed,
    )


def erase(db: Database, scope: Scope, *, now: datetime | None = None) -> Iterator[ErasureCount]:
    """Remove what is in ``scope``; yield the counts of each round.

    The audit log's entry, written first, names the kind and the counts but no patient; a batch is
    named by its id and the time, from then on also in earlier entries.

    Raises BatchUnknown, BatchUnfinished.
    """
    batch_id = _batch_to_erase(db, scope)
    scope_fields: dict[str, object] = {"by": scope.kind}
    if scope.before is not None:
        scope_fields["ended_before"] = scope.before.isoformat(timespec="seconds")
    whole = ErasureCount()
    with db.write() as connection:
        at = moment(connection, now)
        subject = None if batch_id is None else forgotten_batch(batch_id, at)
        entry = note(connection, Action.FORGET, subject, at, **scope_fields, **asdict(whole))
    refused = _refused(scope, batch_id)
    for keys, at_intake in ((_keys(db, scope, batch_id), False), (_all(db, refused), True)):
        for ids in rounds(db, keys):
            with _overwriting(db) as connection:
                if at_intake:
                    part = part_of_refused(connection, ids, refused)
                else:
                    (lock_radiographs if batch_id is None else lock_jobs)(connection, ids)
                    part = _part(connection, scope, batch_id, ids)
                some = remove(connection, part)
                emptied = sorted(part.by_batch.keys() - {batch_id})
                some += ErasureCount(batches=remove_empty(connection, emptied, at))
                whole += some
                if not is_postgres(connection):
                    fold_within(connection, few=4 * ROUND)  # SQLite: one tally entry per row
                amend(connection, entry, **scope_fields, **asdict(whole))
            yield some
    if batch_id is not None:
        with _overwriting(db) as connection:
            some = ErasureCount(batches=remove_empty(connection, [batch_id], at))
            amend(connection, entry, **scope_fields, **asdict(whole + some))
        if not some.batches:
            raise BatchUnfinished(
                "files were added to the batch meanwhile: stop what submits to it, then run the"
                " same command again"
            )
        yield some


@contextmanager
def _overwriting(db: Database) -> Iterator[Connection]:
    """Run a writing transaction with no other submissions, and deleted data overwritten."""
    with db.write() as connection:
        if not is_postgres(connection):
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        among_submissions(connection, alone=True)
        lock_batches(connection)
        yield connection


def _batch_to_erase(db: Database, scope: Scope) -> int | None:
    """Return the id of the scope's batch, if any. Raises BatchUnknown, BatchUnfinished."""
    if scope.batch is None:
        return None
    with db.read() as connection:
        batch_id = batch_id_of(connection, scope.batch)
        unfinished = select(func.count()).where(
            job.c.id.in_(own_jobs(batch_id)), job.c.state.in_(OPEN)
        )
        if files := connection.execute(unfinished).scalar_one():
            raise BatchUnfinished.because(f"{files} of its files are waiting or running")
    return batch_id


def _keys(db: Database, scope: Scope, batch_id: int | None) -> Sequence[int]:
    """Return the ids of a batch's jobs, or of the radiographs in another scope."""
    if batch_id is None:
        return _all(db, chosen_radiographs(scope))
    held = select(file.c.job_id).where(file.c.batch_id == batch_id, file.c.job_id.is_not(None))
    return _all(db, held.distinct())


def _part(
    connection: Connection, scope: Scope, batch_id: int | None, ids: Sequence[int]
) -> ErasurePart:
    if batch_id is None:
        return part_of_radiographs(connection, scope, ids)
    return part_of_batch(connection, batch_id, ids)


def _refused(scope: Scope, batch_id: int | None) -> Select[tuple[int]]:
    """Select the files refused at intake: of a batch, or before the time; none for a patient."""
    refused = select(file.c.id).where(file.c.disposition.is_not(None))
    if batch_id is not None:
        return refused.where(file.c.batch_id == batch_id)
    return refused.where(file.c.seen_at < scope.before if scope.before else file.c.id < 0)


def _all(db: Database, asked: Select[tuple[int]]) -> Sequence[int]:
    with db.read() as connection:
        return sorted(connection.scalars(asked))


def _names(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    asked = select(batch.c.id, batch.c.name).where(batch.c.id.in_(ids)).order_by(batch.c.id)
    return {row.id: row.name for row in connection.execute(asked)}


def _file_count(connection: Connection, batch_id: int) -> int:
    asked = select(func.count()).select_from(file).where(file.c.batch_id == batch_id)
    return connection.execute(asked).scalar_one()
