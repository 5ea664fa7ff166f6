"""The outbox: which chunks are sent, in which order, and again after a loss."""

from __future__ import annotations

from datetime import timedelta

from db.database import Database
from db.operations import cancel
from db.outbox import mark_sent, resend_all, unsent_chunks, waiting_chunks
from db.recovery import recover_stalled
from db.states import Priority
from testbed.records import START, claim, measure_all, seen, send, submit


def test_urgent_chunks_come_first_then_the_oldest(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)], chunk_size=2)
    submit(
        database,
        [seen(number) for number in range(10, 14)],
        name="now",
        priority=Priority.URGENT,
        chunk_size=2,
    )
    messages = unsent_chunks(database, 3)
    assert [each.priority for each in messages] == ["urgent", "urgent", "routine"]
    assert [each.chunk_id for each in messages] == [3, 4, 1]


def test_a_sent_chunk_waits_until_it_is_claimed(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)], chunk_size=2)
    assert waiting_chunks(database) == 0
    chunks = send(database)
    assert unsent_chunks(database, 10) == []
    assert waiting_chunks(database) == 2
    claim(database, chunks[0])
    assert waiting_chunks(database) == 1


def test_chunks_that_a_cancel_left_empty_are_never_sent(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)], chunk_size=2)
    mark_sent(database, [1], now=START)
    cancel(database, "night", 32)
    assert unsent_chunks(database, 10) == []
    assert waiting_chunks(database) == 0
    assert resend_all(database) == 0


def test_unclaimed_chunks_are_sent_again_after_the_broker_lost_everything(
    database: Database,
) -> None:
    submit(database, [seen(number) for number in range(6)], chunk_size=2)
    chunks = send(database)
    claim(database, chunks[0])
    assert resend_all(database) == 2
    assert [each.chunk_id for each in unsent_chunks(database, 10)] == chunks[1:]


def test_an_unclaimed_chunk_is_sent_again(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)], chunk_size=2)
    chunks = send(database)
    claim(database, chunks[0])
    assert recover_stalled(database, 90, now=START + timedelta(seconds=30)).resent == 0
    later = START + timedelta(seconds=50)
    mark_sent(database, [chunks[1]], now=later)
    assert recover_stalled(database, 90, now=START + timedelta(seconds=100)).resent == 0
    assert recover_stalled(database, 90, now=later + timedelta(seconds=91)).resent == 1
    assert [each.chunk_id for each in unsent_chunks(database, 10)][:1] == [chunks[1]]


def test_settled_work_leaves_the_outbox_empty(database: Database) -> None:
    submit(database, [seen(number) for number in range(5)])
    measure_all(database)
    assert recover_stalled(database, 0, now=START + timedelta(days=1)).resent == 0
    assert unsent_chunks(database, 10) == []
