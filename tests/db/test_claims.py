"""Claims, leases, and storing only with a valid claim."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from db.claims import claim_chunk, release, renew_lease
from db.database import Database
from db.operations import cancel
from db.outbox import unsent_chunks
from db.query.results import find_results
from db.query.status import batch_status
from db.records import Outcome, ResultFilter
from db.recovery import recover_stalled
from db.states import JobState
from db.tables import failure, job, measurement, radiograph
from testbed.records import (
    AWAY,
    BROKEN,
    LATERAL,
    LEASE,
    RETRY,
    START,
    claim,
    header,
    measured,
    refusing,
    seen,
    send,
    store,
    submit,
)
from testbed.records import measurement as a_measurement
from testbed.tables import rows
from tests.db.race import race


def test_four_racing_processes_claim_every_job_exactly_once(
    database: Database, database_url: str
) -> None:
    submit(database, [seen(number) for number in range(3000)], chunk_size=8)
    chunks = len(send(database))

    said = race(
        "racing_claims", [[database_url, f"worker-{name}", str(chunks)] for name in range(4)]
    )

    claimed = [json.loads(each) for each in said]
    counts = Counter(job_id for each in claimed for job_id in each)
    assert counts == Counter(row.id for row in rows(database, job))
    assert sum(1 for each in claimed if each) > 1  # they did compete
    assert {row.attempts for row in rows(database, job)} == {1}


def test_a_claim_names_the_file_and_then_its_copies(database: Database) -> None:
    submit(database, [seen(1, path="/a"), seen(1, path="/b"), seen(2, path="/c")])
    submit(database, [seen(1, path="/d"), seen(1, path="/a", mtime_ns=2)], name="next")

    taken = claim(database, send(database)[0])

    assert [each.paths for each in taken.jobs] == [("/a", "/b", "/d"), ("/c",)]
    assert [each.attempt for each in taken.jobs] == [1, 1]


def test_a_claim_includes_only_a_few_of_ten_thousand_copies(database: Database) -> None:
    submit(database, [seen(1, path=f"/copy/{number}") for number in range(50)])
    taken = claim(database, send(database)[0])
    assert taken.jobs[0].paths[0] == "/copy/0"
    assert 2 <= len(taken.jobs[0].paths) <= 10


def test_a_repeated_or_unknown_chunk_is_not_claimed(database: Database) -> None:
    submit(database, [seen(1)])
    (chunk_id,) = send(database)
    claim(database, chunk_id)
    assert claim_chunk(database, chunk_id, "other", LEASE) is None
    assert claim_chunk(database, 987654, "other", LEASE) is None


def test_cancelled_jobs_are_not_claimed(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    (chunk_id,) = send(database)
    cancel(database, "night", 32)
    assert claim_chunk(database, chunk_id, "cpu0@host", LEASE) is None


def test_a_measurement_is_read_as_it_was_stored(database: Database) -> None:
    submit(database, [seen(1)])
    taken = claim(database, send(database)[0])
    outcome = measured(taken.jobs[0])

    assert store(database, taken, [outcome]) == 1

    (result,) = find_results(database, ResultFilter())
    assert result.measurement == outcome.measurement
    assert result.header == outcome.header
    assert result.provenance == outcome.provenance
    assert result.pixel_digest == outcome.pixel_digest
    assert result.measured_at == START
    assert result.path == "/archive/1.dcm"


def test_storing_twice_changes_nothing(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    taken = claim(database, send(database)[0])
    outcomes = [measured(taken.jobs[0]), refusing(taken.jobs[1], LATERAL)]
    assert store(database, taken, outcomes) == 2
    before = [rows(database, table) for table in (job, measurement, failure, radiograph)]

    assert store(database, taken, outcomes, now=START + timedelta(seconds=5)) == 0

    assert [rows(database, table) for table in (job, measurement, failure, radiograph)] == before


def test_a_claim_is_stored_in_parts(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)])
    taken = claim(database, send(database)[0])
    assert store(database, taken, [measured(taken.jobs[0])]) == 1
    assert renew_lease(database, taken.owner, LEASE) == 3
    assert store(database, taken, [measured(each) for each in taken.jobs]) == 3
    assert renew_lease(database, taken.owner, LEASE) == 0


def test_a_worker_whose_lease_expired_stores_nothing(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)])
    slow = claim(database, send(database)[0])
    later = START + timedelta(seconds=LEASE + 1)
    assert recover_stalled(database, 900, now=later).expired == 4
    # Nobody has claimed the jobs yet ...
    assert store(database, slow, [measured(each) for each in slow.jobs], now=later) == 0
    # ... and now another worker has.
    quick = claim(database, send(database, now=later)[0], now=later)
    assert store(database, slow, [measured(each) for each in slow.jobs], now=later) == 0
    assert rows(database, measurement) == []
    assert renew_lease(database, slow.owner, LEASE, now=later) == 0
    assert release(database, slow.owner, now=later) == 0

    assert store(database, quick, [measured(each) for each in quick.jobs], now=later) == 2
    assert len(rows(database, measurement)) == 2


def test_a_renewed_lease_keeps_the_claim(database: Database) -> None:
    submit(database, [seen(1)])
    taken = claim(database, send(database)[0])
    assert renew_lease(database, taken.owner, 3 * LEASE, now=START) == 1
    assert recover_stalled(database, 900, now=START + timedelta(seconds=2 * LEASE)).expired == 0
    assert store(database, taken, [measured(taken.jobs[0])]) == 1


def test_a_claim_is_left_alone_until_its_lease_expires(database: Database) -> None:
    submit(database, [seen(number) for number in range(8)], chunk_size=4)
    quick, slow = (claim(database, chunk_id) for chunk_id in send(database))
    half = START + timedelta(seconds=LEASE / 2)
    assert recover_stalled(database, 900, now=half).expired == 0
    assert renew_lease(database, quick.owner, LEASE, now=half) == 4
    passed = START + timedelta(seconds=LEASE + 1)
    assert recover_stalled(database, 900, now=passed).expired == 4
    assert renew_lease(database, slow.owner, LEASE, now=passed) == 0
    assert renew_lease(database, quick.owner, LEASE, now=passed) == 4


def test_a_permanent_refusal_settles_by_its_disposition(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    taken = claim(database, send(database)[0])
    store(database, taken, [refusing(taken.jobs[0], BROKEN), refusing(taken.jobs[1], LATERAL)])

    found = rows(database, job)
    assert [row.state for row in found] == [JobState.FAILED, JobState.SET_ASIDE]
    assert [row.code for row in found] == ["truncated-file", "lateral-view"]
    assert [row.detail for row in found] == [BROKEN.detail, LATERAL.detail]
    assert [row.settled_at for row in found] == [START, START]
    assert {row.owner for row in found} == {None}
    assert [(row.code, row.permanent) for row in rows(database, failure)] == [
        ("truncated-file", True),
        ("lateral-view", True),
    ]


def test_a_header_is_stored_with_a_refusal_and_survives_one_without(database: Database) -> None:
    submit(database, [seen(1)])
    taken = claim(database, send(database)[0])
    lateral = Outcome(taken.jobs[0].job_id, header=header(), pixel_digest="e" * 64, refusal=AWAY)
    store(database, taken, [lateral])
    later = START + timedelta(hours=1)
    again = claim(database, send(database, now=later)[0], now=later)
    store(database, again, [refusing(again.jobs[0], BROKEN)], now=later)

    (row,) = rows(database, radiograph)
    assert (row.study_uid, row.columns, row.pixel_digest) == ("1.2.3", 2500, "e" * 64)


def test_a_file_decoded_at_reduced_size_keeps_the_digest_it_had(database: Database) -> None:
    submit(database, [seen(1)])
    taken = claim(database, send(database)[0])
    whole = Outcome(taken.jobs[0].job_id, header=header(), pixel_digest="e" * 64, refusal=AWAY)
    store(database, taken, [whole])
    later = START + timedelta(hours=1)
    again = claim(database, send(database, now=later)[0], now=later)
    reduced = replace(measured(again.jobs[0], columns=1250), pixel_digest=None)
    assert store(database, again, [reduced], now=later) == 1

    (row,) = rows(database, radiograph)
    assert (row.columns, row.pixel_digest) == (1250, "e" * 64)


def test_a_transient_refusal_fails_after_the_tries_asked_for(database: Database) -> None:
    submit(database, [seen(1)])
    states = []
    for hour in range(RETRY.max_attempts):
        now = START + timedelta(hours=hour)
        taken = claim(database, send(database, now=now)[0], now=now)
        store(database, taken, [refusing(taken.jobs[0], AWAY)], now=now)
        states.append(rows(database, job)[0].state)
    assert states == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
    assert rows(database, job)[0].transient_refusals == RETRY.max_attempts


def test_a_transient_refusal_waits_longer_each_time_and_then_fails(database: Database) -> None:
    submit(database, [seen(1)])
    now = START
    waits = []
    while chunks := send(database, now=now):
        taken = claim(database, chunks[0], now=now)
        store(database, taken, [refusing(taken.jobs[0], AWAY)], now=now)
        assert unsent_chunks(database, 10, now=now) == []
        began = now
        while now < began + timedelta(hours=1) and not unsent_chunks(database, 10, now=now):
            now += timedelta(seconds=1)
        waits.append((now - began).total_seconds())

    (row,) = rows(database, job)
    assert (row.state, row.attempts, row.code) == (JobState.FAILED, 3, "file-unavailable")
    # 10 s, then 20 s, each up to a quarter shorter or longer.
    assert 7 <= waits[0] <= 13
    assert 15 <= waits[1] <= 25
    history = [(each.permanent, each.attempt) for each in rows(database, failure)]
    assert history == [(False, 1), (False, 2), (False, 3)]


def test_a_successful_retry_removes_the_code_of_a_transient_refusal(database: Database) -> None:
    submit(database, [seen(1)])
    taken = claim(database, send(database)[0])
    store(database, taken, [refusing(taken.jobs[0], AWAY)])
    assert rows(database, job)[0].code == "file-unavailable"  # the reason for the delay
    later = START + timedelta(minutes=1)
    again = claim(database, send(database, now=later)[0], now=later)
    assert again.jobs[0].attempt == 2
    store(database, again, [measured(again.jobs[0])], now=later)

    (row,) = rows(database, job)
    assert (row.state, row.code, row.detail) == (JobState.MEASURED, None, None)
    assert batch_status(database, "night").codes == {}


def test_a_released_claim_costs_no_attempt(database: Database) -> None:
    submit(database, [seen(1), seen(2), seen(3)])
    taken = claim(database, send(database)[0])
    store(database, taken, [measured(taken.jobs[0])])

    assert release(database, taken.owner, now=START) == 2

    (message,) = unsent_chunks(database, 10, now=START)
    assert message.jobs == 2
    again = claim(database, send(database)[0])
    assert [each.attempt for each in again.jobs] == [1, 1]
    assert store(database, taken, [measured(each) for each in taken.jobs]) == 0


@pytest.mark.parametrize("outcome", ["neither", "both", "both proven", "unproven"])
def test_a_contradictory_outcome_is_refused_and_nothing_is_stored(
    database: Database, outcome: str
) -> None:
    submit(database, [seen(1), seen(2)])
    taken = claim(database, send(database)[0])
    job_id = taken.jobs[1].job_id
    wrong = {
        "neither": Outcome(job_id),
        "both": Outcome(job_id, measurement=a_measurement(), refusal=BROKEN),
        "both proven": replace(measured(taken.jobs[1]), refusal=BROKEN),
        "unproven": Outcome(job_id, measurement=a_measurement()),
    }[outcome]

    with pytest.raises(ValueError, match="measurement"):
        store(database, taken, [measured(taken.jobs[0]), wrong])

    assert rows(database, measurement) == []
    assert renew_lease(database, taken.owner, LEASE) == 2


def test_retries_give_up_after_the_number_asked_for() -> None:
    delays = [RETRY.delay_seconds(refusals, 0.5) for refusals in (1, 2, 3, 4)]
    assert delays == [10.0, 20.0, None, None]
    assert RETRY.delay_seconds(1, 0.0) == 7.5
    assert RETRY.delay_seconds(1, 1.0) == 12.5
