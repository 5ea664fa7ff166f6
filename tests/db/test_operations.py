"""Retry and cancel by an operator."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.database import Database
from db.errors import BatchUnknown, MoveForbidden
from db.intake import open_batch, record_files
from db.jobs import moving
from db.operations import cancel, retry
from db.outbox import unsent_chunks
from db.pauses import pause_batch, resume_batch
from db.query.status import batch_status
from db.records import CancelCount, RetryCount
from db.states import MOVES, JobState, Priority
from db.tables import job
from testbed.records import (
    AWAY,
    BROKEN,
    LATERAL,
    MODEL,
    START,
    claim,
    measure_all,
    measured,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)
from testbed.tables import rows
from tests.db.race import race


def mixed(db: Database) -> None:
    """Add a job of each outcome, a running one, a waiting one, and two refused files."""
    submit(
        db,
        [*(seen(number) for number in range(4)), refused("broken.dcm"), refused("x.txt", LATERAL)],
    )
    taken = claim(db, send(db)[0])
    first, second, third, _ = taken.jobs
    store(db, taken, [measured(first), refusing(second, BROKEN), refusing(third, LATERAL)])
    submit(db, [seen(4), seen(1, path="/copy")])


def test_cancel_stops_waiting_jobs_and_counts_running_ones(database: Database) -> None:
    mixed(database)
    assert cancel(database, "night", 32) == CancelCount(cancelled=1, in_flight=1)
    assert cancel(database, "night", 32) == CancelCount(cancelled=0, in_flight=1)
    status = batch_status(database, "night")
    assert (status.cancelled, status.running, status.queued) == (1, 1, 0)
    assert status.balanced


def test_cancel_leaves_the_jobs_of_other_batches_alone(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1), seen(2)], name="other")
    assert cancel(database, "other", 32).cancelled == 1
    assert batch_status(database, "night").queued == 1


def test_cancel_hands_over_jobs_that_another_batch_waits_for(database: Database) -> None:
    submit(database, [seen(number) for number in range(6)], priority=Priority.URGENT)
    submit(database, [*(seen(each, path=f"/copy/{each}") for each in (1, 2, 4)), seen(7)], name="b")
    pause_batch(database, "b")
    count = cancel(database, "night", 2)
    assert count == CancelCount(cancelled=3, in_flight=0, handed_over=3)
    night, other = batch_status(database, "night"), batch_status(database, "b")
    assert (night.cancelled, night.duplicates, night.queued) == (3, 3, 0)
    assert (other.queued, other.duplicates) == (4, 0)
    assert night.balanced
    assert other.balanced
    assert send(database) == []  # held back by the pause of their new batch
    resume_batch(database, "b")
    chunks = unsent_chunks(database, 10)
    assert {each.priority for each in chunks} == {Priority.ROUTINE}
    assert sorted(each.jobs for each in chunks) == [1, 1, 2]  # grouped as before
    measure_all(database)
    assert batch_status(database, "b").measured == 4


@pytest.mark.parametrize("wanted_again", [False, True])
def test_a_cancelled_batch_inherits_no_jobs_until_it_is_retried(
    database: Database, *, wanted_again: bool
) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1, path="/copy")], name="b")
    assert cancel(database, "b", 32) == CancelCount()
    if wanted_again:
        retry(database, "b", None, 32)
    count = cancel(database, "night", 32)
    assert (count.cancelled, count.handed_over) == ((0, 1) if wanted_again else (1, 0))


def test_of_several_waiting_batches_the_urgent_one_inherits(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1, path="/paused")], name="paused")
    submit(database, [seen(1, path="/routine")], name="routine")
    pause_batch(database, "paused")
    cancel(database, "night", 32)
    assert batch_status(database, "routine").queued == 1
    submit(database, [seen(1, path="/urgent")], name="urgent", priority=Priority.URGENT)
    cancel(database, "routine", 32)
    assert batch_status(database, "urgent").queued == 1
    assert [each.priority for each in unsent_chunks(database, 10)] == [Priority.URGENT]


def test_a_job_handed_over_keeps_its_delay_and_its_isolation(database: Database) -> None:
    submit(database, [seen(1), seen(2)], chunk_size=1)
    submit(database, [seen(1, path="/copy"), seen(2, path="/other")], name="b")
    taken = claim(database, send(database)[0])
    store(database, taken, [refusing(taken.jobs[0], AWAY)])
    assert cancel(database, "night", 32, now=START).handed_over == 2
    assert [each.jobs for each in unsent_chunks(database, 10, now=START)] == [1]
    later = START + timedelta(hours=1)
    assert [each.jobs for each in unsent_chunks(database, 10, now=later)] == [1, 1]


def test_concurrent_cancels_of_other_batches_keep_a_waiting_batch_complete(
    database: Database, database_url: str
) -> None:
    contents = 200
    names = ("kept", "one", "two", "three")
    race("racing_cancels", [[database_url, name, str(contents)] for name in names])
    statuses = {name: batch_status(database, name) for name in names}
    assert [each.balanced for each in statuses.values()] == [True] * 4
    assert {name: each.queued for name, each in statuses.items()} == {
        "kept": contents,
        "one": 0,
        "two": 0,
        "three": 0,
    }
    assert sum(each.jobs for each in unsent_chunks(database, 10_000)) == contents


def test_retry_gives_a_batch_the_cancelled_jobs_of_its_contents(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1, path="/copy")], name="b")
    cancel(database, "night", 32)
    cancel(database, "b", 32)
    assert retry(database, "night", None, 32).jobs == 1
    night, other = batch_status(database, "night"), batch_status(database, "b")
    assert (night.queued, night.duplicates, other.queued, other.duplicates) == (1, 0, 0, 1)
    assert night.balanced
    assert other.balanced


def test_files_submitted_to_a_cancelled_batch_are_queued(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    submit(database, [seen(1, path="/copy")], name="b")
    cancel(database, "b", 32, now=START)
    later = START + timedelta(seconds=1)
    batch = open_batch(database, "b", Priority.ROUTINE, now=later)
    record_files(database, batch, [seen(2, path="/another")], MODEL, 32, now=later)
    count = cancel(database, "night", 32, now=later)
    assert (count.cancelled, count.handed_over) == (1, 1)


def test_retry_requeues_failed_and_cancelled_jobs(database: Database) -> None:
    mixed(database)
    cancel(database, "night", 32)
    assert retry(database, "night", None, 32) == RetryCount(jobs=2, files=1)
    status = batch_status(database, "night")
    assert (status.queued, status.measured, status.set_aside, status.failed) == (2, 1, 2, 0)
    assert status.seen == 7  # the damaged file is forgotten until it is submitted again
    submit(database, [refused("broken.dcm")])
    assert batch_status(database, "night").seen == 8


def test_retry_by_code_requeues_files_set_aside_with_it(database: Database) -> None:
    mixed(database)
    assert retry(database, None, ["lateral-view"], 32) == RetryCount(jobs=1, files=1)
    status = batch_status(database, "night")
    assert (status.set_aside, status.failed) == (0, 2)
    assert retry(database, None, ["lateral-view"], 32) == RetryCount()


def test_retried_jobs_start_from_zero_in_chunks_of_the_given_size(database: Database) -> None:
    submit(database, [seen(number) for number in range(5)], chunk_size=5)
    taken = claim(database, send(database)[0])
    store(database, taken, [refusing(each, BROKEN) for each in taken.jobs])
    assert retry(database, "night", None, 2).jobs == 5
    assert [each.jobs for each in unsent_chunks(database, 10)] == [2, 2, 1]
    assert {(row.attempts, row.code, row.settled_at) for row in rows(database, job)} == {
        (0, None, None)
    }
    measure_all(database)
    assert batch_status(database, "night").measured == 5


def test_retry_keeps_models_apart(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1)], name="again", model="lungs-2")
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        store(database, taken, [refusing(each, BROKEN) for each in taken.jobs])
    assert retry(database, None, None, 32).jobs == 2
    claims = [claim(database, chunk_id) for chunk_id in send(database)]
    assert {each.model_version for each in claims} == {MODEL, "lungs-2"}


def test_an_unknown_batch_is_named(database: Database) -> None:
    with pytest.raises(BatchUnknown, match="'nigth'"):
        cancel(database, "nigth", 32)
    with pytest.raises(BatchUnknown):
        retry(database, "nigth", None, 32)
    with pytest.raises(BatchUnknown):
        batch_status(database, "nigth")


@pytest.mark.parametrize("source", JobState)
@pytest.mark.parametrize("target", JobState)
def test_only_allowed_moves_can_be_built(source: JobState, target: JobState) -> None:
    if target in MOVES[source]:
        assert "state" in str(moving(source, target))
    else:
        with pytest.raises(MoveForbidden):
            moving(source, target)


@pytest.mark.parametrize("target", JobState)
def test_a_measured_job_is_never_moved_again(target: JobState) -> None:
    with pytest.raises(MoveForbidden):
        moving(JobState.MEASURED, target)
