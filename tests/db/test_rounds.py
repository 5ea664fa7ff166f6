"""Operations on all rows of a batch work in rounds and let others write in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from db import rounds as rounds_module
from db.audit import audit_rows
from db.claims import claim_chunk
from db.database import Database
from db.operations import cancel, retry
from db.outbox import unsent_chunks
from db.pauses import pause_batch, resume_batch
from db.query.status import batch_status
from db.records import CancelCount, RetryCount
from db.states import Priority
from db.tables import job
from testbed.checkout import ROOT
from testbed.records import LEASE, measure_all, refused, seen, send, submit
from testbed.tally import check_tally

#: Size of a round in these tests, which use small databases; also in `killed_cancel`.
ROUND = 96
#: More than two rounds.
MANY = 2 * ROUND + 80


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds_module.ROUND <= 1024  # rows; as measured by benchmarks.rows
    monkeypatch.setattr(rounds_module, "ROUND", ROUND)


@contextmanager
def changed_rows(db: Database) -> Iterator[list[int]]:
    """Yield a list that gets the rows of jobs and files changed by each writing transaction."""
    counts: list[int] = []
    engine = db._writing  # observed below our own functions
    changed = 0

    def begun(connection: object) -> None:
        nonlocal changed
        del connection
        changed = 0

    def done(connection: object, cursor: object, statement: str, *_: object) -> None:
        nonlocal changed
        del connection
        words = statement.split()
        if words[0] in {"UPDATE", "DELETE"} and {words[1], words[2]} & {"job", "file"}:
            changed += cursor.rowcount  # type: ignore[attr-defined]

    def over(connection: object) -> None:
        del connection
        counts.append(changed)

    events = {"begin": begun, "after_cursor_execute": done, "commit": over}
    for name, heard in events.items():
        event.listen(engine, name, heard)
    yield counts
    for name, heard in events.items():
        event.remove(engine, name, heard)


def fill(db: Database, *, name: str = "night", folder: str = "/archive") -> None:
    files = [seen(n, path=f"{folder}/{n}") for n in range(MANY)]
    submit(db, files, name=name, chunk_size=16)


@pytest.fixture
def many(database: Database) -> Database:
    fill(database)
    return database


def test_no_transaction_of_a_cancel_or_retry_changes_more_than_a_round(many: Database) -> None:
    submit(many, [refused(f"{n}.txt") for n in range(MANY)])
    with changed_rows(many) as counts:
        assert cancel(many, "night", 16) == CancelCount(cancelled=MANY)
        assert retry(many, "night", None, 16) == RetryCount(jobs=MANY, files=MANY)
        pause_batch(many, "night")
        resume_batch(many, "night")
    # A retried job changes twice: its state and its chunk.
    assert max(counts) == 2 * ROUND
    assert sum(counts) == MANY + 2 * MANY + MANY
    check_tally(many)


def test_a_job_that_is_handed_over_changes_four_rows_at_most(many: Database) -> None:
    fill(many, name="other", folder="/copies")
    with changed_rows(many) as counts:
        assert cancel(many, "night", 16) == CancelCount(handed_over=MANY)
    assert ROUND < max(counts) <= 4 * ROUND
    assert batch_status(many, "other").queued == MANY
    assert sum(each.jobs for each in unsent_chunks(many, 10_000)) == MANY
    check_tally(many)


def test_others_write_between_the_rounds(
    many: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two rounds the lock is free for longer than a waiting writer sleeps."""
    other = Database.open(database_url)
    written: list[int] = []

    def sleep(seconds: float) -> None:
        assert seconds >= 0.1 or not database_url.startswith("sqlite")
        with other.write() as connection:
            connection.execute(job.update().where(job.c.id == 1).values(detail="seen"))
        written.append(batch_status(other, "night").queued)

    monkeypatch.setattr(rounds_module.time, "sleep", sleep)
    cancel(many, "night", 16)
    other.dispose()
    assert written == [MANY - ROUND, MANY - 2 * ROUND]


def between_rounds(monkeypatch: pytest.MonkeyPatch, does: Callable[[], object]) -> None:
    """Call ``does`` once, after the first round."""
    left = [does]

    def sleep(seconds: float) -> None:
        del seconds
        if left:
            left.pop()()

    monkeypatch.setattr(rounds_module.time, "sleep", sleep)


def test_workers_claim_nothing_of_a_batch_that_is_being_cancelled(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(many)
    taken = claim_chunk(many, sent[0], "cpu0@host", LEASE)
    assert taken is not None
    claims: list[object] = []
    last = sent[-1]
    between_rounds(monkeypatch, lambda: claims.append(claim_chunk(many, last, "cpu0@host", LEASE)))
    count = cancel(many, "night", 16)
    assert claims == [None]
    assert count == CancelCount(cancelled=MANY - 16, in_flight=16)
    assert batch_status(many, "night").batch.paused_at is None


def test_files_submitted_during_a_cancel_are_processed_afterwards(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = [seen(10_000_000)]
    between_rounds(monkeypatch, lambda: submit(many, fresh))
    assert cancel(many, "night", 16).cancelled == MANY
    status = batch_status(many, "night")
    assert (status.cancelled, status.queued) == (MANY, 1)
    measure_all(many)
    assert batch_status(many, "night").measured == 1


def test_an_operators_pause_outlives_a_cancel(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    between_rounds(monkeypatch, lambda: pause_batch(many, "night"))
    cancel(many, "night", 16)
    assert batch_status(many, "night").batch.paused_at is not None
    resume_batch(many, "night")
    retry(many, "night", None, 16)
    pause_batch(many, "night")
    cancel(many, "night", 16)
    assert batch_status(many, "night").batch.paused_at is not None


def test_a_concurrent_cancel_and_retry_have_the_result_of_one_after_the_other(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    between_rounds(monkeypatch, lambda: retry(many, "night", None, 16))
    assert cancel(many, "night", 16).cancelled == ROUND
    status = batch_status(many, "night")
    assert (status.queued, status.cancelled) == (MANY, 0)
    assert status.batch.paused_at is None
    cancel(many, "night", 16)
    between_rounds(monkeypatch, lambda: cancel(many, "night", 16))
    assert retry(many, "night", None, 16).jobs == ROUND
    status = batch_status(many, "night")
    assert (status.queued, status.cancelled) == (0, MANY)
    check_tally(many)


def test_a_retry_of_everything_leaves_jobs_cancelled_meanwhile(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel(many, "night", 16)
    between_rounds(monkeypatch, lambda: cancel(many, "night", 16))
    assert retry(many, None, None, 16).jobs == ROUND
    assert batch_status(many, "night").queued == 0


def killed(database_url: str, command: str, *, after: int) -> None:
    script = [sys.executable, "-m", "tests.db.killed_cancel", database_url, command, "night"]
    ended = subprocess.run([*script, str(after)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("after", [0, 1])
def test_a_killed_cancel_is_completed_by_the_same_command(
    many: Database, database_url: str, after: int
) -> None:
    fill(many, name="other", folder="/archive")
    submit(many, [seen(n, path=f"/b/{n}") for n in range(70)], name="b", priority=Priority.ROUTINE)
    cancel(many, "other", 16)
    sent = send(many)
    killed(database_url, "cancel", after=after)
    done = after * ROUND
    assert batch_status(many, "night").queued == MANY - done
    assert claim_chunk(many, sent[-1], "cpu0@host", LEASE) is None  # no more of it is claimed
    said = audit_rows(many)[0].details
    assert said["cancelled"] + said["handed_over"] == done

    count = cancel(many, "night", 16)

    assert count.cancelled + count.handed_over == MANY - done
    status = batch_status(many, "night")
    assert (status.queued, status.cancelled, status.duplicates) == (0, MANY - 70, 70)
    assert status.batch.paused_at is None
    assert batch_status(many, "b").queued == 70
    assert audit_rows(many)[0].details["cancelled"] == count.cancelled
    check_tally(many)


@pytest.mark.parametrize("way", ["retry", "resume"])
def test_jobs_left_by_a_killed_cancel_continue_after_retry_or_resume(
    many: Database, database_url: str, way: str
) -> None:
    send(many)
    killed(database_url, "cancel", after=1)
    if way == "retry":
        assert retry(many, "night", None, 16).jobs == ROUND
    else:
        resume_batch(many, "night")
    going = MANY if way == "retry" else MANY - ROUND
    assert sum(each.jobs for each in unsent_chunks(many, 10_000)) == going
    measure_all(many)
    assert batch_status(many, "night").measured == going


def test_a_killed_retry_is_completed_by_the_same_command(many: Database, database_url: str) -> None:
    cancel(many, "night", 16)
    killed(database_url, "retry", after=1)
    assert audit_rows(many)[0].details == {"codes": [], "jobs": ROUND, "files": 0}
    assert retry(many, "night", None, 16).jobs == MANY - ROUND
    assert batch_status(many, "night").queued == MANY
    check_tally(many)


def test_two_cancels_at_once_cancel_everything_once(many: Database, database_url: str) -> None:
    counts: list[CancelCount] = []

    def work() -> None:
        own = Database.open(database_url)
        counts.append(cancel(own, "night", 16))
        own.dispose()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(each.cancelled for each in counts) == MANY
    status = batch_status(many, "night")
    assert (status.cancelled, status.batch.paused_at) == (MANY, None)
    check_tally(many)
