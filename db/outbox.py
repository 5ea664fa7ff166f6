"""The outbox: chunks that wait to be sent, and those sent again when the broker lost them."""

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
    """Chunks to be sent, urgent ones first, then the oldest; those whose wait is not over stay."""
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
    """Note that the broker has these; called after publishing, so that a crash sends twice."""
    with db.write() as connection:
        at = moment(connection, now)
        for ids in pieces(sorted(chunk_ids)):
            connection.execute(
                update(chunk).where(chunk.c.id.in_(ids)).values(sent_at=at, not_before=None)
            )


def waiting_chunks(db: Database) -> int:
    """Chunks that were sent and not claimed yet; a relay that keeps this small resends little."""
    with db.read() as connection:
        count: int = connection.execute(
            select(func.count())
            .select_from(chunk)
            .where(awaits_claim(), chunk.c.sent_at.is_not(None))
        ).scalar_one()
    return count


def resend_all(db: Database) -> int:
    """Mark every sent chunk that awaits its claim as unsent: the broker lost everything."""
    with db.write() as connection:
        return connection.execute(
            update(chunk).where(awaits_claim(), chunk.c.sent_at.is_not(None)).values(sent_at=None)
        ).rowcount


def awaits_claim() -> ColumnElement[bool]:
    """Whether a chunk may be claimed and has jobs; cancelled and hastened ones may have left it."""
    return and_(
        chunk.c.claimed_at.is_(None),
        ~is_held_back(),
        exists().where(job.c.chunk_id == chunk.c.id, job.c.state == JobState.QUEUED),
    )
