"""Training runs in the database: claimed once, recovered, cancelled and resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db.database import Database
from db.errors import DatabaseRefused, ModelDiffers, RunNameTaken, RunSettled, RunUnknown
from db.models import list_models, register_model
from db.states import RunState
from db.training.claims import (
    claim_run,
    end_cancelled,
    fail_run,
    finish_run,
    finish_with_model,
    record_check,
    record_phase,
    release_run,
    renew_run,
)
from db.training.records import NewRun, RunClaim, TrainingRun
from db.training.recovery import recover_runs, resend_unheard_runs, set_back_run
from db.training.runs import (
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
from testbed.records import CHECK, LEASE, PHASE, START


@pytest.fixture
def run(database: Database) -> TrainingRun:
    """Return a waiting run."""
    return open_run(
        database, NewRun("night", "/films", {"seed": 1}, teachers=("a", "b")), now=START
    )


def claimed(database: Database, run: TrainingRun, now: datetime = START) -> RunClaim:
    claim = claim_run(database, run.id, "training0@host", "cpu", LEASE, now=now)
    assert claim is not None
    return claim


def test_a_run_is_read_as_it_was_queued(database: Database, run: TrainingRun) -> None:
    assert find_run(database, "night") == run
    assert (run.state, run.data, run.plan) == (RunState.QUEUED, "/films", {"seed": 1})
    assert run.teachers == ("a", "b")
    with pytest.raises(RunNameTaken):
        open_run(database, NewRun("night", "/others", {}))
    with pytest.raises(RunUnknown):
        find_run(database, "day")


def test_a_run_is_sent_once_and_again_after_the_broker_lost_it(
    database: Database, run: TrainingRun
) -> None:
    assert unsent_runs(database) == [run.id]
    mark_runs_sent(database, [run.id], now=START)
    assert unsent_runs(database) == []
    assert resend_unheard_runs(database, 900, now=START + timedelta(seconds=800)) == 0
    assert resend_unheard_runs(database, 900, now=START + timedelta(seconds=1000)) == 1
    assert unsent_runs(database) == [run.id]
    mark_runs_sent(database, [run.id], now=START)
    assert resend_runs(database) == 1
    assert unsent_runs(database) == [run.id]


def test_a_repeated_message_starts_one_run(database: Database, run: TrainingRun) -> None:
    claim = claimed(database, run)
    assert (claim.run.state, claim.run.attempts) == (RunState.RUNNING, 1)
    assert claim_run(database, run.id, "other", "cpu", LEASE, now=START) is None
    assert unsent_runs(database) == []


def test_a_worker_with_an_expired_lease_changes_nothing(
    database: Database, run: TrainingRun
) -> None:
    slow = claimed(database, run)
    later = START + timedelta(seconds=LEASE + 1)
    assert recover_runs(database, now=later) == 1
    fresh = claimed(database, run, later)
    assert not renew_run(database, slow.owner, LEASE, now=later).held
    assert not record_check(database, slow.owner, CHECK)
    assert not record_phase(database, slow.owner, PHASE)
    assert not finish_run(database, slow.owner, "night", now=later)
    assert not fail_run(database, slow.owner, "x", "y", now=later)
    assert not finish_with_model(database, slow.owner, "night", "d" * 64, {}, now=later)
    assert set_back_run(database, slow.owner, "x", "y", now=later) is None
    assert not end_cancelled(database, slow.owner, now=later)
    assert not release_run(database, slow.owner)
    assert list_models(database) == []
    assert run_checks(database, run.id) == run_phases(database, run.id) == []
    assert renew_run(database, fresh.owner, LEASE, now=later).held


def test_repeated_checks_and_phases_are_stored_once(database: Database, run: TrainingRun) -> None:
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


def test_a_run_fails_after_repeated_crashes_without_progress(
    database: Database, run: TrainingRun
) -> None:
    now = START
    for _ in range(2):
        claim = claimed(database, run, now)
        now += timedelta(seconds=LEASE + 1)
        recover_runs(database, 3, now=now)
    assert find_run(database, "night").code == "training-worker-lost"
    claim = claimed(database, run, now)
    record_check(database, claim.owner, CHECK)
    for _ in range(3):
        now += timedelta(seconds=LEASE + 1)
        recover_runs(database, 3, now=now)
        if find_run(database, "night").state is RunState.QUEUED:
            claimed(database, run, now)
    ended = find_run(database, "night")
    assert (ended.state, ended.code) == (RunState.FAILED, "training-crashes")
    again = resume_run(database, "night")
    assert (again.state, again.attempts, again.code) == (RunState.QUEUED, 0, None)
    assert unsent_runs(database) == [run.id]


def test_a_stopped_worker_releases_its_run_without_counting_an_attempt(
    database: Database, run: TrainingRun
) -> None:
    mark_runs_sent(database, [run.id], now=START)
    claim = claimed(database, run)
    assert release_run(database, claim.owner)
    back = find_run(database, "night")
    assert (back.state, back.attempts) == (RunState.QUEUED, 0)
    assert unsent_runs(database) == [run.id]


def test_a_waiting_run_is_cancelled_at_once_and_a_running_one_on_its_next_renewal(
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
    recover_runs(database, now=START + timedelta(seconds=LEASE + 1))
    assert find_run(database, "night").state is RunState.CANCELLED


def test_a_repeated_check_does_not_reset_the_attempts(database: Database, run: TrainingRun) -> None:
    # Each time the worker dies right after its first check, and restarts before it.
    now = START
    for _ in range(10):
        if find_run(database, "night").state is not RunState.QUEUED:
            break
        record_check(database, claimed(database, run, now).owner, CHECK)
        now += timedelta(seconds=LEASE + 1)
        recover_runs(database, 3, now=now)
    ended = find_run(database, "night")
    assert (ended.state, ended.code) == (RunState.FAILED, "training-crashes")
    assert run_checks(database, run.id) == [CHECK]


def test_a_new_check_resets_the_attempts(database: Database, run: TrainingRun) -> None:
    now = START
    for step in range(10):
        claim = claimed(database, run, now)
        record_check(database, claim.owner, replace(CHECK, step=step))
        now += timedelta(seconds=LEASE + 1)
        recover_runs(database, 2, now=now)
    assert find_run(database, "night").state is RunState.QUEUED


def test_a_run_is_requeued_after_device_failures_until_its_attempts_are_used_up(
    database: Database, run: TrainingRun
) -> None:
    said = ("device-failed", "the device fails")
    mark_runs_sent(database, [run.id], now=START)
    owner = claimed(database, run).owner
    assert set_back_run(database, owner, *said, 2, now=START) is RunState.QUEUED
    assert unsent_runs(database) == [run.id]
    waiting = find_run(database, "night")
    assert (waiting.attempts, waiting.code) == (1, "device-failed")
    owner = claimed(database, run).owner
    assert find_run(database, "night").code is None
    assert set_back_run(database, owner, *said, 2, now=START) is RunState.FAILED
    ended = find_run(database, "night")
    assert (ended.code, ended.detail, ended.ended_at) == (*said, START)


def test_a_network_is_registered_if_and_only_if_its_run_finishes(
    database: Database, run: TrainingRun
) -> None:
    register_model(database, "dusk", "a" * 64, {}, serve=True)
    owner = claimed(database, run).owner
    with pytest.raises(ModelDiffers):
        finish_with_model(database, owner, "dusk", "b" * 64, {}, now=START)
    assert find_run(database, "night").state is RunState.RUNNING
    assert finish_with_model(database, owner, "dawn", "b" * 64, {"error": 4.4}, now=START)
    ended = find_run(database, "night")
    assert (ended.state, ended.model_version) == (RunState.FINISHED, "dawn")
    assert {each.version: each.served for each in list_models(database)} == {
        "dusk": True,
        "dawn": False,
    }


def test_an_unfinished_run_reserves_its_name_for_its_network(
    database: Database, run: TrainingRun
) -> None:
    cancel_run(database, "night")
    with pytest.raises(RunNameTaken, match="another version"):
        register_model(database, "night", "a" * 64, {}, serve=False)
    assert list_models(database) == []
    resume_run(database, "night")
    owner = claimed(database, run).owner
    assert finish_with_model(database, owner, "night", "b" * 64, {}, now=START)
    register_model(database, "night", "b" * 64, {}, serve=True)
    with pytest.raises(ModelDiffers):
        register_model(database, "night", "a" * 64, {}, serve=False)


def test_a_cancel_during_a_shutdown_is_kept(database: Database, run: TrainingRun) -> None:
    claim = claimed(database, run)
    cancel_run(database, "night")
    assert release_run(database, claim.owner, now=START)
    assert find_run(database, "night").state is RunState.CANCELLED
    assert unsent_runs(database) == []


def test_nan_and_infinity_are_left_out(database: Database, run: TrainingRun) -> None:
    claim = claimed(database, run)
    parts = {"points": 4.5, "widths": float("nan"), "symmetry": float("inf")}
    assert record_check(database, claim.owner, replace(CHECK, loss_parts=parts))
    [stored] = run_checks(database, run.id)
    assert stored.loss_parts == {"points": 4.5}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE training_run SET state = 'purple'",
        "UPDATE training_run SET state = 'running'",  # without an owner it could not be requeued
        "UPDATE training_run SET owner = 'me'",
        "INSERT INTO training_phase (run_id, ordinal, outcome) VALUES (77, 0, '{}')",
        """INSERT INTO training_check (run_id, ordinal, step, figures)
        SELECT run_id, ordinal, step, figures FROM training_check""",
    ],
)
def test_constraints_keep_runs_consistent(
    database: Database, run: TrainingRun, statement: str
) -> None:
    owner = claimed(database, run).owner
    record_check(database, owner, CHECK)
    release_run(database, owner)
    with pytest.raises(DatabaseRefused), database.write() as connection:
        connection.execute(text(statement))
