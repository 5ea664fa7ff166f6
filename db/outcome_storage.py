"""Writing outcomes in bulk, for `claims.store_outcomes`, which checks the owner."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Insert,
    Update,
    any_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql

from db.bulk import bound_rows, insert_of_rows, is_one_of, is_postgres, rows_as_table
from db.database import AnyRow, pieces
from db.jobs import UNOWNED, moving, put_in_chunks
from db.path_hiding import hide_ended, lock_paths
from db.records import Outcome, Refusal, RetryPolicy
from db.rows import header_columns, measurement_columns
from db.states import JobState
from db.tables import failure, job, measurement, radiograph
from radiograph.errors import Disposition

_IDS = bindparam("ids", type_=postgresql.ARRAY(BigInteger))
#: Locks radiographs in the same order in every worker; rows that refer to them may be inserted.
_LOCK_RADIOGRAPHS = (
    select(radiograph.c.id)
    .where(radiograph.c.id == any_(_IDS))
    .order_by(radiograph.c.id)
    .with_for_update(key_share=True)
)

#: A locked row of ``job`` and its outcome.
Pair = tuple[AnyRow, Outcome]


def settle(
    connection: Connection,
    pairs: Sequence[Pair],
    *,
    owner: str,
    worker: str,
    retry: RetryPolicy,
    spread: float,
    at: datetime,
    settled_at: datetime,
) -> None:
    """Store headers, measurements and refusals of jobs whose rows this transaction has locked.

    ``settled_at``: ``at``, or the latest first claim of one of the jobs if that is later.
    """
    # All radiographs in one order, not only those with headers.
    lock_paths(connection, [row.radiograph_id for row, _ in pairs])
    _store_headers(connection, pairs)
    _store_measurements(connection, pairs, owner, settled_at)
    refused = [(row, each.refusal) for row, each in pairs if each.refusal is not None]
    if refused:
        connection.execute(
            insert(failure),
            [
                {
                    "job_id": row.id,
                    "code": refusal.code,
                    "detail": refusal.detail,
                    "permanent": refusal.permanent,
                    "attempt": row.attempts,
                    "worker": worker,
                    "at": at,
                }
                for row, refusal in refused
            ],
        )
    waits: dict[float, list[tuple[AnyRow, Refusal]]] = {}
    final: dict[JobState, list[tuple[AnyRow, Refusal]]] = {}
    for row, refusal in refused:
        delay = None
        if not refusal.permanent:
            delay = retry.delay_seconds(row.transient_refusals + 1, spread)
        if delay is not None:
            waits.setdefault(delay, []).append((row, refusal))
        elif refusal.disposition == Disposition.SET_ASIDE:
            final.setdefault(JobState.SET_ASIDE, []).append((row, refusal))
        else:
            final.setdefault(JobState.FAILED, []).append((row, refusal))
    for state, some in final.items():
        _refuse(connection, state, some, settled_at=settled_at)
    for delay, some in waits.items():
        _refuse(connection, JobState.QUEUED, some, settled_at=None)
        put_in_chunks(
            connection,
            [row.id for row, _ in some],
            batch_id=some[0][0].batch_id,
            model_version=some[0][0].model_version,
            priority=some[0][0].priority,
            chunk_size=len(some),
            now=at,
            not_before=at + timedelta(seconds=delay),
        )
    hide_ended(connection, [row.radiograph_id for row, _ in pairs])


def _store_headers(connection: Connection, pairs: Sequence[Pair]) -> None:
    rows = [
        header_columns(each.header) | {"id": row.radiograph_id, "pixel_digest": each.pixel_digest}
        # Sorted: every worker locks in the same order.
        for row, each in sorted(pairs, key=lambda pair: pair[0].radiograph_id)
        if each.header is not None
    ]
    if not rows:
        return
    if is_postgres(connection):
        ids = {"ids": [row["id"] for row in rows]}
        connection.execute(_LOCK_RADIOGRAPHS, ids)
        statement = _header_update(tuple(rows[0]))
        connection.execute(statement, bound_rows(connection, radiograph, rows) | ids)
        return
    connection.execute(
        update(radiograph)
        .where(radiograph.c.id == bindparam("of"))
        .values(_keeping_digest({name: bindparam(name) for name in rows[0] if name != "id"})),
        [row | {"of": row["id"]} for row in rows],
    )


@functools.cache
def _header_update(names: tuple[str, ...]) -> Update:
    rows = rows_as_table(radiograph, names)
    return (
        update(radiograph)
        # The array lets the planner estimate the number of rows and use the index.
        .where(radiograph.c.id == rows.c.id, radiograph.c.id == any_(_IDS))
        .values(_keeping_digest({name: rows.c[name] for name in names if name != "id"}))
    )


def _keeping_digest(values: dict[str, Any]) -> dict[str, Any]:
    # A file that was decoded once and is unavailable now keeps its digest.
    digest = func.coalesce(values["pixel_digest"], radiograph.c.pixel_digest)
    return values | {"pixel_digest": digest}


def _store_measurements(
    connection: Connection, pairs: Sequence[Pair], owner: str, at: datetime
) -> None:
    rows: list[dict[str, object]] = []
    for row, each in pairs:
        if each.measurement is None:
            if each.refusal is None:
                raise ValueError("an outcome is a measurement or a refusal")
            continue
        if each.provenance is None or each.refusal is not None:
            raise ValueError("a measurement has a provenance and no refusal")
        rows.append(
            measurement_columns(each.measurement, each.provenance)
            | {
                "radiograph_id": row.radiograph_id,
                "model_version": row.model_version,
                "measured_at": at,
            }
        )
    if not rows:
        return
    statement = _measurement_insert(connection.dialect.name, tuple(rows[0]))
    connection.execute(statement, bound_rows(connection, measurement, rows))
    measured = [row.id for row, each in pairs if each.measurement is not None]
    for ids in pieces(measured):
        connection.execute(
            moving(JobState.RUNNING, JobState.MEASURED)
            # The owner lets the database find jobs without scanning all running ones.
            .where(job.c.owner == owner, is_one_of(connection, job.c.id, ids))
            .values(settled_at=at, code=None, detail=None, **UNOWNED)
        )


@functools.cache
def _measurement_insert(dialect: str, names: tuple[str, ...]) -> Insert:
    insertion = insert_of_rows(dialect, measurement, names)
    keys = [measurement.c.radiograph_id, measurement.c.model_version]
    changed = set(names) - {key.name for key in keys}
    return insertion.on_conflict_do_update(
        index_elements=keys, set_={name: insertion.excluded[name] for name in sorted(changed)}
    )


def _refuse(
    connection: Connection,
    state: JobState,
    refused: Sequence[tuple[AnyRow, Refusal]],
    *,
    settled_at: datetime | None,
) -> None:
    connection.execute(
        moving(JobState.RUNNING, state)
        .where(job.c.id == bindparam("of"))
        .values(
            code=bindparam("why"),
            detail=bindparam("because"),
            transient_refusals=job.c.transient_refusals + bindparam("transient"),
            settled_at=settled_at,
            **UNOWNED,
        ),
        [
            {
                "of": row.id,
                "why": refusal.code,
                "because": refusal.detail,
                "transient": 0 if refusal.permanent else 1,
            }
            for row, refusal in refused
        ],
    )
