"""Training runs as rows: claimed once, fenced, found again, cancelled and resumed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from db.database import Database
from db.errors import RunNameTaken, RunSettled, RunUnknown
from db.states import RunState
from db.training_claims import (
    claim_run,
    end_cancelled,
    fail_run,
    finish_run,
    record_check,
    record_phase,
    recover_runs,
    release_run,
    renew_run,
)
from db.training_records import NewRun, RunCheck, RunClaim, RunPhase, TrainingRun
from db.training_runs import (
    cancel_run,
    find_run,
    list_runs,
    mark_runs_sent,
    open_run,
    resend_runs,
    resume_run,
    run_checks,
    run_phases,
    unsent_runs,
)

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
LEASE = 60.0
CHECK = RunCheck(
    ordinal=0,
    phase=1,
    phase_name="wing",
    step=50,
    steps=100,
    epoch=1.5,
    epochs=3.0,
    seconds=12.0,
    seconds_left=12.0,
    loss_parts={"points": 4.5},
    error_px224=6.1,
    ict_error=None,
    best_px224=6.1,
    learning_rate=1e-3,
)
PHASE = RunPhase(
    ordinal=0,
    phase=1,
    phase_name="wing",
    kept=True,
    reason="started from scratch",
    error_px224=5.9,
    start_px224=None,
    difference_low=None,
    difference_high=None,
    ict_error=0.02,
    steps=100,
    seconds=24.0,
    figures={"test_px224": 6.0},
)


@pytest.fixture
def run(database: Database) -> TrainingRun:
    """Give a waiting run."""
    return open_run(
        database, NewRun("night", "/films", {"seed": 1}, teachers=("a", "b")), now=START
    )


def claimed(database: Database, run: TrainingRun, now: datetime = START) -> RunClaim:
    claim = claim_run(database, run.id, "training0@host", "cpu", LEASE, now=now)
    assert claim is not None
    return claim


def test_a_run_is_found_as_it_was_opened(database: Database, run: TrainingRun) -> None:
    assert find_run(database, "night") == run
    assert (run.state, run.data, run.plan) == (RunState.QUEUED, "/films", {"seed": 1})
    assert run.teachers == ("a", "b")
    with pytest.raises(RunNameTaken):
        open_run(database, NewRun("night", "/others", {}))
    with pytest.raises(RunUnknown):
        find_run(database, "day")


def test_a_run_is_sent_once_and_again_when_the_broker_forgot(
    database: Database, run: TrainingRun
) -> None:
    assert unsent_runs(database) == [run.id]
    mark_runs_sent(database, [run.id], now=START)
    assert unsent_runs(database) == []
    assert recover_runs(database, 900, now=START + timedelta(seconds=800)) == 0
    assert recover_runs(database, 900, now=START + timedelta(seconds=1000)) == 1
    assert unsent_runs(database) == [run.id]
    mark_runs_sent(database, [run.id], now=START)
    assert resend_runs(database) == 1
    assert unsent_runs(database) == [run.id]


def test_a_message_that_comes_twice_starts_one_run(database: Database, run: TrainingRun) -> None:
    claim = claimed(database, run)
    assert (claim.run.state, claim.run.attempts) == (RunState.RUNNING, 1)
    assert claim_run(database, run.id, "other", "cpu", LEASE, now=START) is None
    assert unsent_runs(database) == []


def test_a_worker_past_its_lease_changes_nothing(database: Database, run: TrainingRun) -> None:
    slow = claimed(database, run)
    later = START + timedelta(seconds=LEASE + 1)
    assert recover_runs(database, 900, now=later) == 1
    fresh = claimed(database, run, later)
    assert not renew_run(database, slow.owner, LEASE, now=later).held
    assert not record_check(database, slow.owner, CHECK)
    assert not record_phase(database, slow.owner, PHASE)
    assert not finish_run(database, slow.owner, "night", now=later)
    assert not fail_run(database, slow.owner, "x", "y", now=later)
    assert not release_run(database, slow.owner)
    assert run_checks(database, run.id) == run_phases(database, run.id) == []
    assert renew_run(database, fresh.owner, LEASE, now=later).held


def test_checks_and_phases_told_twice_are_stored_once(database: Database, run: TrainingRun) -> None:
    claim = claimed(database, run)
    for _ in range(2):
        assert record_check(database, claim.owner, CHECK)
        assert record_phase(database, claim.owner, PHASE)
    assert run_checks(database, run.id) == [CHECK]
    assert run_phases(database, run.id) == [PHASE]
    assert find_run(database, "night").last == CHECK
    assert finish_run(database, claim.owner, "night", now=START)
    ended = find_run(database, "night")
    assert (ended.state, ended.model_version) == (RunState.FINISHED, "night")
    with pytest.raises(RunSettled):
        resume_run(database, "night")
    with pytest.raises(RunSettled):
        cancel_run(database, "night")


def test_workers_that_die_between_checks_end_a_run_and_progress_forgives_them(
    database: Database, run: TrainingRun
) -> None:
    now = START
    for _ in range(2):
        claim = claimed(database, run, now)
        now += timedelta(seconds=LEASE + 1)
        recover_runs(database, 900, 3, now=now)
    assert find_run(database, "night").code == "training-worker-lost"
    claim = claimed(database, run, now)
    record_check(database, claim.owner, CHECK)
    for _ in range(3):
        now += timedelta(seconds=LEASE + 1)
        recover_runs(database, 900, 3, now=now)
        if find_run(database, "night").state is RunState.QUEUED:
            claimed(database, run, now)
    ended = find_run(database, "night")
    assert (ended.state, ended.code) == (RunState.FAILED, "training-crashes")
    again = resume_run(database, "night")
    assert (again.state, again.attempts, again.code) == (RunState.QUEUED, 0, None)
    assert unsent_runs(database) == [run.id]


def test_a_stopped_worker_gives_its_run_back_and_no_attempt_counts(
    database: Database, run: TrainingRun
) -> None:
    mark_runs_sent(database, [run.id], now=START)
    claim = claimed(database, run)
    assert release_run(database, claim.owner)
    back = find_run(database, "night")
    assert (back.state, back.attempts) == (RunState.QUEUED, 0)
    assert unsent_runs(database) == [run.id]


def test_a_waiting_run_is_cancelled_at_once_and_one_at_work_is_asked(
    database: Database, run: TrainingRun
) -> None:
    assert cancel_run(database, "night", now=START).state is RunState.CANCELLED
    assert claim_run(database, run.id, "w", "cpu", LEASE, now=START) is None
    resume_run(database, "night")
    claim = claimed(database, run)
    assert cancel_run(database, "night").state is RunState.RUNNING
    assert renew_run(database, claim.owner, LEASE, now=START).cancel_requested
    assert end_cancelled(database, claim.owner, now=START)
    assert [each.state for each in list_runs(database)] == [RunState.CANCELLED]


def test_a_run_to_be_cancelled_whose_worker_died_is_cancelled(
    database: Database, run: TrainingRun
) -> None:
    claimed(database, run)
    cancel_run(database, "night")
    recover_runs(database, 900, now=START + timedelta(seconds=LEASE + 1))
    assert find_run(database, "night").state is RunState.CANCELLED
