"""The ledger of each batch, from the tally: the cost does not depend on the number of files."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from sqlalchemy import Connection, select

from db.batches import batch_id_of
from db.database import AnyRow, Database
from db.derivation_records import IctCount
from db.records import Batch, BatchStatus
from db.states import JobState
from db.tables import batch
from db.tally import DUPLICATE, sums
from radiograph.measures.ict import Judgement
from radiograph.records import Bucket, IctRule


def batch_status(db: Database, name: str) -> BatchStatus:
    """Return the status of one batch.

    Raises BatchUnknown.
    """
    with db.read() as connection:
        return _statuses(connection, batch_id_of(connection, name))[0]


def all_statuses(db: Database) -> list[BatchStatus]:
    """Return the status of every batch, the oldest first."""
    with db.read() as connection:
        return _statuses(connection, None)


def judged_results(db: Database, batch_name: str | None) -> list[IctCount]:
    """Return the counts of results, of one batch or of all, by the ICT rule that judged them.

    Raises BatchUnknown.
    """
    found = all_statuses(db) if batch_name is None else [batch_status(db, batch_name)]
    return [count for each in found for count in each.judged]


def _statuses(connection: Connection, only: int | None) -> list[BatchStatus]:
    batches = select(batch).order_by(batch.c.id)
    if only is not None:
        batches = batches.where(batch.c.id == only)
    ledgers: defaultdict[int, _Ledger] = defaultdict(_Ledger)
    for row in sums(connection, only):
        ledgers[row.batch_id].add(row)
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
        self.enlarged: Counter[bool] = Counter()
        self.judged: Counter[tuple[Judgement, bool, bool]] = Counter()
        self.claimed: datetime | None = None
        self.settled: datetime | None = None

    def add(self, row: AnyRow) -> None:
        self.endings[row.ending] += row.files
        if row.code is not None:
            self.codes[row.code] += row.files
        if row.bucket is not None:
            self.buckets[row.bucket] += row.files
            if row.enlarged is not None:
                self.enlarged[row.enlarged] += row.files
        if row.ict_rule is not None:
            judged = Judgement(IctRule(row.ict_rule), row.ict_threshold, row.enlarged)
            self.judged[judged, bool(row.view_unknown), bool(row.age_unknown)] += row.files
        if row.first_claimed_at is not None:
            self.claimed = min(row.first_claimed_at, self.claimed or row.first_claimed_at)
        if row.last_settled_at is not None:
            self.settled = max(row.last_settled_at, self.settled or row.last_settled_at)

    def status(self, of: Batch) -> BatchStatus:
        return BatchStatus(
            batch=of,
            seen=self.endings.total(),
            queued=self.endings[JobState.QUEUED],
            running=self.endings[JobState.RUNNING],
            measured=self.endings[JobState.MEASURED],
            set_aside=self.endings[JobState.SET_ASIDE],
            failed=self.endings[JobState.FAILED],
            duplicates=self.endings[DUPLICATE],
            cancelled=self.endings[JobState.CANCELLED],
            enlarged=self.enlarged[True],
            not_enlarged=self.enlarged[False],
            buckets=dict(+self.buckets),
            codes=dict((+self.codes).most_common()),
            first_claimed_at=self.claimed,
            last_settled_at=self.settled,
            judged=tuple(IctCount(*kind, files) for kind, files in (+self.judged).items()),
        )
