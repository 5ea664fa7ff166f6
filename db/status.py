"""The ledger of each batch, in two aggregated queries however many files it has."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from sqlalchemy import Connection, String, and_, case, cast, func, select

from db.batches import batch_id_of
from db.database import Database
from db.records import Batch, BatchStatus
from db.states import JobState
from db.tables import batch, file, job, measurement
from radiograph.errors import Disposition
from radiograph.records import Bucket

_DUPLICATE = "duplicate"
#: How one file ended, or where it stands; both enums spell set aside and failed alike.
_ENDING = case(
    (file.c.duplicate, _DUPLICATE),
    (file.c.disposition.is_not(None), cast(file.c.disposition, String)),
    else_=cast(job.c.state, String),
)
_BLAMED = {Disposition.SET_ASIDE.value, Disposition.FAILED.value}


def batch_status(db: Database, name: str) -> BatchStatus:
    """Sum up one batch.

    Raises BatchUnknown.
    """
    with db.read() as connection:
        return _statuses(connection, batch_id_of(connection, name))[0]


def all_statuses(db: Database) -> list[BatchStatus]:
    """Sum up every batch, the oldest first."""
    with db.read() as connection:
        return _statuses(connection, None)


def _statuses(connection: Connection, only: int | None) -> list[BatchStatus]:
    batches = select(batch).order_by(batch.c.id)
    endings = (
        select(
            file.c.batch_id,
            _ENDING.label("ending"),
            func.coalesce(file.c.code, job.c.code).label("why"),
            func.count().label("files"),
            func.min(case((file.c.duplicate.is_(False), job.c.first_claimed_at))).label("claimed"),
            func.max(case((file.c.duplicate.is_(False), job.c.settled_at))).label("settled"),
        )
        .select_from(file)
        .outerjoin(job, job.c.id == file.c.job_id)
        .group_by(file.c.batch_id, "ending", "why")
    )
    ratings = (
        select(
            file.c.batch_id, measurement.c.bucket, measurement.c.enlarged, func.count().label("of")
        )
        .select_from(file)
        .join(job, job.c.id == file.c.job_id)
        .join(
            measurement,
            and_(
                measurement.c.radiograph_id == job.c.radiograph_id,
                measurement.c.model_version == job.c.model_version,
            ),
        )
        .where(file.c.duplicate.is_(False), job.c.state == JobState.MEASURED)
        .group_by(file.c.batch_id, measurement.c.bucket, measurement.c.enlarged)
    )
    if only is not None:
        batches = batches.where(batch.c.id == only)
        endings = endings.where(file.c.batch_id == only)
        ratings = ratings.where(file.c.batch_id == only)
    ledgers: defaultdict[int, _Ledger] = defaultdict(_Ledger)
    for row in connection.execute(endings):
        ledgers[row.batch_id].add_ending(row.ending, row.why, row.files, row.claimed, row.settled)
    for row in connection.execute(ratings):
        ledgers[row.batch_id].add_rating(row.bucket, row.of, enlarged=row.enlarged)
    return [
        ledgers[row.id].status(Batch(row.id, row.name, row.priority, row.created_at, row.paused_at))
        for row in connection.execute(batches)
    ]


class _Ledger:
    """Sums over the groups of one batch."""

    def __init__(self) -> None:
        self.endings: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.buckets: Counter[Bucket] = Counter()
        self.enlarged = 0
        self.claimed: datetime | None = None
        self.settled: datetime | None = None

    def add_ending(
        self,
        ending: str,
        code: str | None,
        files: int,
        claimed: datetime | None,
        settled: datetime | None,
    ) -> None:
        self.endings[ending] += files
        if ending in _BLAMED and code is not None:
            self.codes[code] += files
        if claimed is not None:
            self.claimed = min(claimed, self.claimed or claimed)
        if settled is not None:
            self.settled = max(settled, self.settled or settled)

    def add_rating(self, bucket: Bucket, files: int, *, enlarged: bool | None) -> None:
        self.buckets[bucket] += files
        self.enlarged += files if enlarged else 0

    def status(self, of: Batch) -> BatchStatus:
        return BatchStatus(
            batch=of,
            seen=self.endings.total(),
            queued=self.endings[JobState.QUEUED],
            running=self.endings[JobState.RUNNING],
            measured=self.endings[JobState.MEASURED],
            set_aside=self.endings[JobState.SET_ASIDE],
            failed=self.endings[JobState.FAILED],
            duplicates=self.endings[_DUPLICATE],
            cancelled=self.endings[JobState.CANCELLED],
            enlarged=self.enlarged,
            buckets=dict(self.buckets),
            codes=dict(self.codes.most_common()),
            first_claimed_at=self.claimed,
            last_settled_at=self.settled,
        )
