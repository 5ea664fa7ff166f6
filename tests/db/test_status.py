"""The ledger: every file is counted in exactly one column, after any sequence of events."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from db.claims import claim_chunk, release
from db.database import Database
from db.intake import open_batch, record_files
from db.operations import cancel, retry
from db.outbox import mark_sent, resend_all, unsent_chunks
from db.query import index_choice, spans
from db.query.results import count_results, find_results
from db.query.status import all_statuses, batch_status
from db.records import Claim, Outcome, ResultFilter, SeenFile
from db.recovery import recover_stalled
from db.states import SETTLED, JobState, Priority
from db.tables import chunk, file, job, measurement
from radiograph.records import Bucket
from testbed.records import (
    AWAY,
    BROKEN,
    LATERAL,
    LEASE,
    MODEL,
    START,
    claim,
    measured,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)
from testbed.records import measurement as a_measurement
from testbed.tables import guard_moves, rows
from testbed.tally import check_tally


def test_a_ledger_counts_every_outcome(database: Database) -> None:
    submit(
        database,
        [
            *(seen(number) for number in range(6)),
            seen(1, path="/copy"),
            refused("broken.dcm"),
            refused("letter.txt", LATERAL),
        ],
        chunk_size=6,
    )
    taken = claim(database, send(database)[0])
    later = START + timedelta(seconds=7)
    enlarged = a_measurement(ict=0.61, enlarged=True, bucket=Bucket.EXCELLENT)
    one, two, three, four, *_ = taken.jobs
    outcomes = [
        measured(one),
        measured(two, enlarged),
        refusing(three, BROKEN),
        refusing(four, LATERAL),
    ]
    store(database, taken, outcomes, now=later)
    release_one = taken.jobs[4:]
    assert len(release_one) == 2

    status = batch_status(database, "night")

    assert (status.seen, status.measured, status.running, status.queued) == (9, 2, 2, 0)
    assert (status.set_aside, status.failed, status.duplicates) == (2, 2, 1)
    assert status.codes == {"truncated-file": 2, "lateral-view": 2}
    assert status.buckets == {Bucket.EXCELLENT: 1, Bucket.GOOD: 1}
    assert (status.enlarged, status.not_enlarged) == (1, 1)
    assert (status.first_claimed_at, status.last_settled_at) == (START, later)
    assert status.balanced
    assert (status.open, status.settled) == (2, 7)


def test_batches_are_listed_the_oldest_first_with_their_counts(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    submit(database, [seen(2), seen(3)], name="again", priority=Priority.URGENT)
    open_batch(database, "empty", Priority.ROUTINE)
    listed = [
        (each.batch.name, each.batch.priority, each.seen, each.queued, each.duplicates)
        for each in all_statuses(database)
    ]
    assert listed == [
        ("night", "routine", 2, 2, 0),
        ("again", "urgent", 2, 1, 1),
        ("empty", "routine", 0, 0, 0),
    ]


class Night:
    """A night of random events from a seed: submissions, dying workers, impatient operators."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db = db
        self.chance = random.Random(seed)
        self.now: datetime = START
        self.held: list[Claim] = []
        self.recorded: Counter[str] = Counter()
        self.forgotten = 0
        self.sent: list[int] = []

    def live(self) -> None:
        """Do one thing that is possible now."""
        happenings: list[tuple[int, Callable[[], None]]] = [
            (3, self._submit),
            (4, self._send),
            (5, self._claim),
            (5, self._store),
            (1, self._release),
            (2, self._die),
            (2, self._recover),
            (1, self._cancel),
            (1, self._retry),
            (1, self._lose_broker),
            (1, self._set_clock_back),
        ]
        weights, choices = zip(*happenings, strict=True)
        self.chance.choices(choices, weights)[0]()
        self.now += timedelta(seconds=self.chance.choice([0, 1, 20, LEASE + 1]))

    def _submit(self) -> None:
        name = self.chance.choice(["one", "two", "three"])
        priority = self.chance.choice(list(Priority))
        batch = open_batch(self.db, name, priority, now=self.now)
        files = [self._some_file() for _ in range(self.chance.randint(1, 12))]
        size = self.chance.randint(1, 5)
        count = record_files(self.db, batch, files, MODEL, size, now=self.now)
        assert count.seen == count.queued + count.duplicates + count.refused + count.known
        self.recorded[name] += count.seen - count.known

    def _some_file(self) -> SeenFile:
        number = self.chance.randint(1, 40)
        if self.chance.random() < 0.1:
            return refused(f"refused-{number}", self.chance.choice([BROKEN, LATERAL]))
        return seen(number, path=f"/{self.chance.randint(1, 40)}", mtime_ns=number)

    def _send(self) -> None:
        chunks = unsent_chunks(self.db, self.chance.randint(1, 8), now=self.now)
        mark_sent(self.db, [each.chunk_id for each in chunks], now=self.now)
        self.sent += [each.chunk_id for each in chunks]

    def _claim(self) -> None:
        if self.sent:
            taken = claim_chunk(self.db, self.chance.choice(self.sent), "w", LEASE, now=self.now)
            if taken is not None:
                self.held.append(taken)

    def _store(self) -> None:
        if self.held:
            taken = self.chance.choice(self.held)
            some = self.chance.sample(taken.jobs, self.chance.randint(1, len(taken.jobs)))
            outcomes = []
            for each in some:
                ending = self.chance.choice([None, None, None, BROKEN, LATERAL, AWAY])
                outcomes.append(measured(each) if ending is None else refusing(each, ending))
            store(self.db, taken, outcomes, now=self.now)

    def _release(self) -> None:
        if self.held:
            release(self.db, self.held.pop().owner, now=self.now)

    def _die(self) -> None:
        self.now += timedelta(seconds=LEASE + 1)  # silent, but it may still try to store

    def _recover(self) -> None:
        recover_stalled(self.db, 300, now=self.now)

    def _cancel(self) -> None:
        if self.recorded:
            cancel(self.db, self.chance.choice(list(self.recorded)), 3, now=self.now)

    def _retry(self) -> None:
        if self.recorded:
            name = self.chance.choice([None, *self.recorded])
            codes = self.chance.choice([None, ["lateral-view"], ["quarantined", "truncated-file"]])
            self.forgotten += retry(self.db, name, codes, 3, now=self.now).files

    def _lose_broker(self) -> None:
        self.sent.clear()
        resend_all(self.db)

    def _set_clock_back(self) -> None:
        self.now -= timedelta(seconds=45)

    def finish(self) -> None:
        """Let one good worker do everything that is left."""
        for _ in range(30):
            self.now += timedelta(hours=2)
            recover_stalled(self.db, 300, now=self.now)
            for chunk_id in send(self.db, now=self.now):
                taken = claim_chunk(self.db, chunk_id, "w", LEASE, now=self.now)
                assert taken is not None
                outcomes: list[Outcome] = [measured(each) for each in taken.jobs]
                assert store(self.db, taken, outcomes, now=self.now) == len(outcomes)


def check(night: Night) -> None:
    """Assert the invariants."""
    db = night.db
    check_tally(db)
    statuses = all_statuses(db)
    assert all(each.balanced for each in statuses)
    assert sum(each.seen for each in statuses) == night.recorded.total() - night.forgotten
    jobs = {row.id: row for row in rows(db, job)}
    owned = Counter(row.job_id for row in rows(db, file) if row.job_id and not row.duplicate)
    assert owned == Counter(list(jobs))
    unclaimed = {row.id for row in rows(db, chunk) if row.claimed_at is None}
    for row in jobs.values():
        assert row.state != JobState.QUEUED or row.chunk_id in unclaimed  # it can be claimed
        assert (row.settled_at is not None) == (row.state in SETTLED)
    done = {row.radiograph_id for row in jobs.values() if row.state == JobState.MEASURED}
    assert done == {row.radiograph_id for row in rows(db, measurement)}
    assert len(done) == len(rows(db, measurement))


def check_results(db: Database) -> None:
    """Assert that the results of each batch are those of its files, in the order measured."""
    jobs = {row.id: row for row in rows(db, job)}
    files = rows(db, file)
    measurements = {(row.radiograph_id, row.model_version): row for row in rows(db, measurement)}
    for status in all_statuses(db):
        of = {jobs[row.job_id] for row in files if row.batch_id == status.batch.id and row.job_id}
        found = [measurements.get((row.radiograph_id, row.model_version)) for row in of]
        in_order = sorted((row.measured_at, row.id) for row in found if row is not None)
        results = list(find_results(db, ResultFilter(batch=status.batch.name)))
        assert [(each.measured_at, each.measurement_id) for each in results] == in_order
        assert count_results(db, ResultFilter(batch=status.batch.name)) == len(in_order)


@pytest.mark.parametrize("seed", range(4))
def test_the_ledger_balances_through_any_night(
    database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard_moves(database)
    # As in an archive, a batch exceeds the limit for few files, and maybe for few duplicates.
    monkeypatch.setattr(index_choice, "_FEW", 0)
    monkeypatch.setattr(spans, "_DUPLICATES", 10 if seed % 2 else 2)
    night = Night(database, seed)
    for turn in range(120):
        night.live()
        check(night)
        if turn % 10 == 0:
            check_results(database)
    night.finish()
    check(night)
    check_results(database)
    assert sum(each.open for each in all_statuses(database)) == 0


def test_the_test_guard_refuses_a_forbidden_move(database: Database) -> None:
    submit(database, [seen(1)])
    guard_moves(database)
    with pytest.raises(Exception, match="no such move"), database.write() as connection:
        connection.execute(job.update().values(state=JobState.MEASURED))
