"""The outbox: chunks that wait to be sent, or to be sent again after the broker lost them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update

from db.database import Database, moment, pieces
from db.pauses import is_held_back
from db.records import ChunkMessage
from db.states import JobState, Priority
from db.tables import chunk, job

#: Urgent chunks first, then the oldest.
_ORDER = (case((chunk.c.priority == Priority.URGENT, 0), else_=1), chunk.c.id)


def unsent_chunks(db: Database, limit: int, *, now: datetime | None = None) -> list[ChunkMessage]:
    """Return chunks to be sent, urgent ones first, then the oldest; delayed ones only when due."""
    queued = (
        select(func.count())
        .where(job.c.chunk_id == chunk.c.id, job.c.state == JobState.QUEUED)
        .scalar_subquery()
    )
    with db.read() as connection:
        at = moment(connection, now)
        rows = connection.execute(
            select(chunk.c.id, chunk.c.priority, queued.label("jobs"))
            .where(
                awaits_claim(),
                chunk.c.sent_at.is_(None),
                or_(chunk.c.not_before.is_(None), chunk.c.not_before <= at),
            )
            .order_by(*_ORDER)
            .limit(limit)
        ).all()
    return [ChunkMessage(row.id, row.priority, row.jobs) for row in rows]


def mark_sent(db: Database, chunk_ids: Sequence[int], *, now: datetime | None = None) -> None:
    """Mark chunks as sent; called after publishing, so that a crash sends them twice."""
    with db.write() as connection:
        at = moment(connection, now)
        for ids in pieces(sorted(chunk_ids)):
            connection.execute(
                update(chunk).where(chunk.c.id.in_(ids)).values(sent_at=at, not_before=None)
            )


def waiting_chunks(db: Database) -> int:
    """Return the number of chunks sent and not claimed; few of them keep a resend small."""
    with db.read() as connection:
        count: int = connection.execute(
            select(func.count())
            .select_from(chunk)
            .where(awaits_claim(), chunk.c.sent_at.is_not(None))
        ).scalar_one()
    return count


def resend_all(db: Database) -> int:
    """Mark every sent chunk that is not claimed as unsent, after the broker lost all messages."""
    with db.write() as connection:
        return connection.execute(
            update(chunk).where(awaits_claim(), chunk.c.sent_at.is_not(None)).values(sent_at=None)
        ).rowcount


def awaits_claim() -> ColumnElement[bool]:
    """Return the condition that a chunk is unclaimed, not paused and not empty.

    Jobs that were cancelled or became urgent have left their chunk.
    """
    return and_(
        chunk.c.claimed_at.is_(None),
        ~is_held_back(),
        exists().where(job.c.chunk_id == chunk.c.id, job.c.state == JobState.QUEUED),
    )
