"""Jobs of lost workers are requeued in halves, and only the file at fault is quarantined."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import select

from db.database import Database
from db.operations import retry
from db.outbox import unsent_chunks
from db.query.status import batch_status
from db.records import RecoveryCount
from db.recovery import recover_stalled
from db.states import JobState
from db.tables import failure, job
from testbed.records import AWAY, LEASE, START, claim, measured, refusing, seen, send, store, submit
from testbed.tables import rows

RESEND = 900.0


def after_lease(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE + 1)


def test_jobs_of_a_lost_worker_are_requeued_in_two_halves(database: Database) -> None:
    submit(database, [seen(number) for number in range(5)], chunk_size=5)
    claim(database, send(database)[0])
    assert recover_stalled(database, RESEND, now=START).expired == 0

    assert recover_stalled(database, RESEND, now=after_lease(START)) == RecoveryCount(expired=5)

    assert [each.jobs for each in unsent_chunks(database, 10)] == [3, 2]
    assert {(row.state, row.code) for row in rows(database, job)} == {("queued", "worker-lost")}
    assert recover_stalled(database, RESEND, now=after_lease(START)) == RecoveryCount()


def test_jobs_of_two_lost_workers_are_not_mixed(database: Database) -> None:
    submit(database, [seen(number) for number in range(8)], chunk_size=4)
    for chunk_id in send(database):
        claim(database, chunk_id)
    recover_stalled(database, RESEND, now=after_lease(START))
    assert [each.jobs for each in unsent_chunks(database, 10)] == [2, 2, 2, 2]


def test_a_file_that_kills_workers_is_quarantined_and_no_other_is_blamed(
    database: Database,
) -> None:
    submit(database, [seen(number) for number in range(32)], chunk_size=32)
    poison = 17
    now = START
    crashes = 0
    while chunks := send(database, now=now):
        for chunk_id in chunks:
            taken = claim(database, chunk_id, now=now)
            if any(each.paths[0] == f"/archive/{poison}.dcm" for each in taken.jobs):
                crashes += 1  # the worker dies with everything it has claimed
            else:
                store(database, taken, [measured(each) for each in taken.jobs], now=now)
        now = after_lease(now)
        recover_stalled(database, RESEND, now=now)

    failed = [row for row in rows(database, job) if row.state == JobState.FAILED]
    assert [(row.code, row.alone_crashes) for row in failed] == [("quarantined", 2)]
    assert crashes == 7  # chunks of 32, 16, 8, 4, 2, and 1 twice
    status = batch_status(database, "night")
    assert (status.measured, status.failed, status.codes) == (31, 1, {"quarantined": 1})
    history = [row.code for row in rows(database, failure) if row.job_id == failed[0].id]
    assert history == ["worker-lost"] * 6 + ["quarantined"]


def test_a_file_left_over_from_a_larger_chunk_is_not_yet_blamed(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    taken = claim(database, send(database)[0])
    store(database, taken, [measured(taken.jobs[0])])
    now = after_lease(START)
    recover_stalled(database, RESEND, now=now)
    assert rows(database, job)[1].alone_crashes == 0

    for crash in (1, 2):
        claim(database, send(database, now=now)[0], now=now)
        now = after_lease(now)
        count = recover_stalled(database, RESEND, now=now)
        assert count == RecoveryCount(expired=int(crash == 1), quarantined=int(crash == 2))


def test_crashes_caused_by_other_files_do_not_use_up_the_retries_of_a_file(
    database: Database,
) -> None:
    submit(database, [seen(number) for number in range(8)], chunk_size=8)
    now = START
    for _ in range(3):  # more than RETRY allows
        for chunk_id in send(database, now=now):
            claim(database, chunk_id, now=now)
        now = after_lease(now)
        recover_stalled(database, RESEND, now=now)
    taken = claim(database, send(database, now=now)[0], now=now)
    assert taken.jobs[0].attempt == 4
    store(database, taken, [refusing(taken.jobs[0], AWAY)], now=now)
    assert rows(database, job)[0].state == JobState.QUEUED


def test_a_quarantined_file_can_be_retried(database: Database) -> None:
    submit(database, [seen(1)])
    now = START
    for _ in range(2):
        claim(database, send(database, now=now)[0], now=now)
        now = after_lease(now)
        recover_stalled(database, RESEND, now=now)
    assert retry(database, None, ["quarantined"], 32, now=now).jobs == 1
    (row,) = rows(database, job)
    assert (row.state, row.alone_crashes, row.attempts) == (JobState.QUEUED, 0, 0)


def test_a_delay_that_is_over_is_counted_once(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    taken = claim(database, send(database)[0])
    store(database, taken, [refusing(each, AWAY) for each in taken.jobs])
    assert recover_stalled(database, RESEND, now=START).due == 0
    later = START + timedelta(minutes=1)
    assert recover_stalled(database, RESEND, now=later) == RecoveryCount(due=2)
    assert recover_stalled(database, RESEND, now=later) == RecoveryCount()
    assert [each.jobs for each in unsent_chunks(database, 10, now=later)] == [2]


def test_a_row_being_stored_is_neither_waited_for_nor_requeued(
    postgres_url: str,
) -> None:
    database = Database.open(postgres_url)
    submit(database, [seen(number) for number in range(8)], chunk_size=4)
    storing, _ = (claim(database, chunk_id) for chunk_id in send(database))
    now = after_lease(START)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            mine = select(job.c.id).where(job.c.owner == storing.owner)
            assert len(connection.execute(mine.with_for_update()).all()) == 4
            recovering = pool.submit(recover_stalled, database, RESEND, now=now)
            assert recovering.result(timeout=15) == RecoveryCount(expired=4)
        assert store(database, storing, [measured(each) for each in storing.jobs], now=now) == 4
    database.dispose()
