"""Retry and cancel, as an operator asks for them."""

from __future__ import annotations

import pytest

from db.database import Database
from db.errors import BatchUnknown, MoveForbidden
from db.jobs import moving
from db.operations import cancel, retry
from db.outbox import unsent_chunks
from db.records import CancelCount, RetryCount
from db.states import MOVES, JobState
from db.status import batch_status
from db.tables import job
from tests.db.making import (
    BROKEN,
    LATERAL,
    MODEL,
    claim,
    measure_all,
    measured,
    refused,
    refusing,
    rows,
    seen,
    send,
    store,
    submit,
)


def mixed(db: Database) -> None:
    """One job of each ending, one that runs, one that waits, and two refused files."""
    submit(
        db,
        [*(seen(number) for number in range(4)), refused("broken.dcm"), refused("x.txt", LATERAL)],
    )
    taken = claim(db, send(db)[0])
    first, second, third, _ = taken.jobs
    store(db, taken, [measured(first), refusing(second, BROKEN), refusing(third, LATERAL)])
    submit(db, [seen(4), seen(1, path="/copy")])


def test_cancel_stops_what_waits_and_tells_what_runs(database: Database) -> None:
    mixed(database)
    assert cancel(database, "night") == CancelCount(cancelled=1, in_flight=1)
    assert cancel(database, "night") == CancelCount(cancelled=0, in_flight=1)
    status = batch_status(database, "night")
    assert (status.cancelled, status.running, status.queued) == (1, 1, 0)
    assert status.balanced


def test_cancel_leaves_the_jobs_of_other_batches_alone(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1), seen(2)], name="other")
    assert cancel(database, "other").cancelled == 1
    assert batch_status(database, "night").queued == 1


def test_retry_brings_back_what_failed_or_was_cancelled(database: Database) -> None:
    mixed(database)
    cancel(database, "night")
    assert retry(database, "night", None, 32) == RetryCount(jobs=2, files=1)
    status = batch_status(database, "night")
    assert (status.queued, status.measured, status.set_aside, status.failed) == (2, 1, 2, 0)
    assert status.seen == 7  # the broken file is forgotten until it is submitted again
    submit(database, [refused("broken.dcm")])
    assert batch_status(database, "night").seen == 8


def test_retry_by_code_brings_back_what_was_set_aside_so(database: Database) -> None:
    mixed(database)
    assert retry(database, None, ["lateral-view"], 32) == RetryCount(jobs=1, files=1)
    status = batch_status(database, "night")
    assert (status.set_aside, status.failed) == (0, 2)
    assert retry(database, None, ["lateral-view"], 32) == RetryCount()


def test_retried_jobs_start_from_zero_in_chunks_of_the_size_asked_for(database: Database) -> None:
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
        cancel(database, "nigth")
    with pytest.raises(BatchUnknown):
        retry(database, "nigth", None, 32)
    with pytest.raises(BatchUnknown):
        batch_status(database, "nigth")


@pytest.mark.parametrize("source", JobState)
@pytest.mark.parametrize("target", JobState)
def test_only_the_moves_of_the_table_can_be_stated(source: JobState, target: JobState) -> None:
    if target in MOVES[source]:
        assert "state" in str(moving(source, target))
    else:
        with pytest.raises(MoveForbidden):
            moving(source, target)
