"""Writing outcomes in bulk: what `claims.store_outcomes` does once the fence let it through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, insert, update

from db.database import AnyRow, insert_into, pieces
from db.jobs import UNOWNED, moving, put_in_chunks
from db.records import Outcome, Refusal, RetryPolicy
from db.rows import header_columns, measurement_columns
from db.states import JobState
from db.tables import failure, job, measurement, radiograph
from radiograph.errors import Disposition

#: A locked row of ``job`` and what became of it.
Pair = tuple[AnyRow, Outcome]


def settle(
    connection: Connection,
    pairs: Sequence[Pair],
    *,
    worker: str,
    retry: RetryPolicy,
    spread: float,
    at: datetime,
) -> None:
    """Store headers, measurements and refusals of jobs whose rows this transaction has locked."""
    _store_headers(connection, pairs)
    _store_measurements(connection, pairs, at)
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
        _refuse(connection, state, some, settled_at=at)
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


def _store_headers(connection: Connection, pairs: Sequence[Pair]) -> None:
    rows = [
        header_columns(each.header) | {"of": row.radiograph_id, "digest": each.pixel_digest}
        # One order of locks for every worker.
        for row, each in sorted(pairs, key=lambda pair: pair[0].radiograph_id)
        if each.header is not None
    ]
    if rows:
        connection.execute(
            update(radiograph)
            .where(radiograph.c.id == bindparam("of"))
            # A file that was decoded once and is away now keeps its digest.
            .values(pixel_digest=func.coalesce(bindparam("digest"), radiograph.c.pixel_digest)),
            rows,
        )


def _store_measurements(connection: Connection, pairs: Sequence[Pair], at: datetime) -> None:
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
    insertion = insert_into(connection, measurement)
    keys = {"radiograph_id", "model_version"}
    connection.execute(
        insertion.on_conflict_do_update(
            index_elements=[measurement.c.radiograph_id, measurement.c.model_version],
            set_={name: insertion.excluded[name] for name in rows[0] if name not in keys},
        ),
        rows,
    )
    measured = [row.id for row, each in pairs if each.measurement is not None]
    for ids in pieces(measured):
        connection.execute(
            moving(JobState.RUNNING, JobState.MEASURED)
            .where(job.c.id.in_(ids))
            .values(settled_at=at, code=None, detail=None, **UNOWNED)
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
