"""Pausing and resuming batches and queues: paused chunks are neither sent nor claimed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.claims import claim_chunk, release
from db.database import Database
from db.errors import BatchUnknown
from db.operations import retry
from db.outbox import unsent_chunks, waiting_chunks
from db.pauses import pause_batch, pause_queue, paused_queues, resume_batch, resume_queue
from db.query.status import batch_status
from db.records import PauseCount
from db.recovery import recover_stalled
from db.states import Priority, QueueName
from db.training.claims import claim_run
from db.training.records import NewRun
from db.training.runs import mark_runs_sent, open_run, unsent_runs
from testbed.records import (
    AWAY,
    BROKEN,
    LEASE,
    START,
    claim,
    measured,
    refusing,
    seen,
    send,
    store,
    submit,
)

LATER = START + timedelta(hours=1)


def taken(db: Database, chunk_id: int) -> bool:
    return claim_chunk(db, chunk_id, "cpu0@host", LEASE, now=START) is not None


def test_a_paused_batch_is_neither_sent_nor_claimed_until_it_is_resumed(database: Database) -> None:
    submit(database, [seen(number) for number in range(8)])
    first, second = send(database)
    at_work = claim(database, first)

    assert pause_batch(database, "night", now=START) == PauseCount(waiting=4, in_flight=4)

    assert batch_status(database, "night").batch.paused_at == START
    assert not taken(database, second)  # although its message arrived
    submit(database, [seen(20)])
    assert send(database) == []
    assert waiting_chunks(database) == 0
    assert store(database, at_work, [measured(each) for each in at_work.jobs]) == 4

    assert resume_batch(database, "night") == PauseCount(waiting=5, in_flight=0)
    assert batch_status(database, "night").batch.paused_at is None
    sent = send(database)
    assert second in sent
    assert all(taken(database, chunk) for chunk in sent)
    assert not taken(database, second)


def test_other_batches_continue(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(2)], name="other")
    pause_batch(database, "night")
    [chunk] = send(database)
    assert [job.paths for job in claim(database, chunk).jobs] == [("/archive/2.dcm",)]


def test_pausing_and_resuming_can_be_repeated(
    database: Database,
) -> None:
    submit(database, [seen(1)])
    pause_batch(database, "night", now=START)
    pause_batch(database, "night", now=LATER)
    assert batch_status(database, "night").batch.paused_at == START
    resume_batch(database, "night")
    resume_batch(database, "night")
    assert len(send(database)) == 1


def test_jobs_requeued_in_a_paused_batch_wait_with_it(database: Database) -> None:
    submit(database, [seen(number) for number in range(12)])
    lost, given_back, mixed = (claim(database, chunk) for chunk in send(database))
    pause_batch(database, "night")

    release(database, given_back.owner, now=START)
    first, second, *others = mixed.jobs
    outcomes = [refusing(first, AWAY), refusing(second, BROKEN), *map(measured, others)]
    store(database, mixed, outcomes)
    assert recover_stalled(database, 60.0, now=LATER).expired == len(lost.jobs)
    assert retry(database, None, ["truncated-file"], 4, now=LATER).jobs == 1

    assert unsent_chunks(database, 1000, now=LATER) == []
    assert resume_batch(database, "night").waiting == 10
    assert sum(each.jobs for each in unsent_chunks(database, 1000, now=LATER)) == 10


def test_an_urgent_submission_takes_its_contents_out_of_a_paused_batch(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    pause_batch(database, "night")
    submit(database, [seen(1)], name="ward", priority=Priority.URGENT)
    [chunk] = send(database)
    assert len(claim(database, chunk).jobs) == 1


def test_a_paused_queue_holds_back_only_its_chunks(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(2)], name="ward", priority=Priority.URGENT)

    assert pause_queue(database, QueueName.ROUTINE, now=START) == PauseCount(waiting=1)

    assert paused_queues(database) == {QueueName.ROUTINE: START}
    assert [each.priority for each in unsent_chunks(database, 10)] == [Priority.URGENT]
    send(database)
    pause_queue(database, QueueName.URGENT)
    assert not taken(database, 2)
    resume_queue(database, QueueName.URGENT)
    assert send(database) == [2]  # its message was dropped meanwhile
    resume_queue(database, QueueName.ROUTINE)
    assert paused_queues(database) == {}
    assert send(database) == [1]


def test_a_paused_batch_stays_paused_when_its_queue_is_resumed(database: Database) -> None:
    submit(database, [seen(1)])
    pause_batch(database, "night")
    pause_queue(database, QueueName.ROUTINE)
    resume_queue(database, QueueName.ROUTINE)
    assert send(database) == []


def test_no_run_starts_while_training_is_paused(database: Database) -> None:
    run = open_run(database, NewRun("night", "/films", {"seed": 1}))
    mark_runs_sent(database, unsent_runs(database))

    assert pause_queue(database, QueueName.TRAINING) == PauseCount(waiting=1)

    assert claim_run(database, run.id, "training0@host", "cpu", 60.0) is None
    assert unsent_runs(database) == []
    assert resume_queue(database, QueueName.TRAINING) == PauseCount(waiting=1)
    assert unsent_runs(database) == [run.id]
    assert claim_run(database, run.id, "training0@host", "cpu", 60.0) is not None
    assert pause_queue(database, QueueName.TRAINING) == PauseCount(in_flight=1)


def test_an_unknown_batch_is_told(database: Database) -> None:
    for change in (pause_batch, resume_batch):
        with pytest.raises(BatchUnknown):
            change(database, "nowhere")
