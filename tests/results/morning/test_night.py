"""The checks of a night compare a batch with earlier ones in the database, and with the card."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from db.database import Database
from db.models import register_model
from db.query.status import batch_status
from radiograph.records import IctThresholds
from results.morning.night import Check, checks, earlier_batches, night_of, step_seconds
from testbed.records import MODEL, START, claim, measured, measurement, seen, send, store, submit

LINES = IctThresholds(0.5, 0.6, 0.66)


def measure(db: Database, name: str, first: int, mean: float, *, day: int) -> None:
    """Measure 120 files, whose ICT is spread around a mean, on one day."""
    random = np.random.default_rng(first)
    submit(db, [seen(number) for number in range(first, first + 120)], name=name, chunk_size=40)
    for chunk_id in send(db):
        now = START + timedelta(days=day, seconds=chunk_id)
        taken = claim(db, chunk_id, now=now)
        outcomes = [
            measured(job, measurement(ict=float(random.normal(mean, 0.05)))) for job in taken.jobs
        ]
        store(db, taken, outcomes, now=now)


def found(db: Database, name: str) -> dict[str, Check]:
    return {each.name: each for each in checks(night_of(db, name, LINES))}


@pytest.mark.parametrize(("mean", "passed"), [(0.47, True), (0.52, False), (0.42, False)])
def test_a_shifted_batch_is_found_and_a_usual_one_is_not(
    database: Database, mean: float, passed: bool
) -> None:
    measure(database, "monday", 1000, 0.47, day=0)
    measure(database, "tuesday", 2000, 0.47, day=1)
    measure(database, "wednesday", 3000, mean, day=2)
    check = found(database, "wednesday")["Against the last batches"]
    assert check.passed is passed, check
    if not passed:
        assert check.finding == f"drift: ICT of PA {'higher' if mean > 0.47 else 'lower'}"
    assert found(database, "tuesday")["Against the last batches"].passed
    assert found(database, "monday")["Against the last batches"].passed is None


def test_only_batches_that_ended_before_are_compared(database: Database) -> None:
    for day, name in enumerate(("monday", "tuesday", "wednesday")):
        measure(database, name, 1000 * (day + 1), 0.47, day=day)
    statuses = [batch_status(database, name) for name in ("monday", "tuesday", "wednesday")]
    names = [[one.batch.name for one in earlier_batches(each, statuses)] for each in statuses]
    assert names == [[], ["monday"], ["tuesday", "monday"]]


def test_the_network_is_compared_with_the_registered_one(database: Database) -> None:
    measure(database, "night", 1000, 0.47, day=0)
    assert found(database, "night")["Network"].passed is None  # not registered
    confusion = {
        name: {"excellent": cases}
        for name, cases in zip(
            ("excellent", "very_good", "good", "review"), (90, 30, 10, 10), strict=True
        )
    }
    card = {"metrics": {"reliability": {"films test": {"confusion": confusion}}}}
    register_model(database, MODEL, "d" * 64, card, serve=True)
    after = found(database, "night")
    assert after["Network"].passed
    assert after["Against the test set"].passed  # 4.2 px for all: better than the test set


def test_a_night_worse_than_the_test_set_is_found(database: Database) -> None:
    confusion = {"excellent": {"good": 200}, "very_good": {}, "good": {}, "review": {}}
    card = {"metrics": {"reliability": {"films test": {"confusion": confusion}}}}
    register_model(database, MODEL, "e" * 64, card, serve=True)
    submit(database, [seen(number) for number in range(40)], chunk_size=40)
    [chunk_id] = send(database)
    taken = claim(database, chunk_id)
    poor = replace(measurement(), expected_error_px224=11.0)
    store(database, taken, [measured(job, poor) for job in taken.jobs])
    after = found(database, "night")
    assert after["Network"].passed is False  # other weights than those registered
    assert after["Against the test set"].finding == "drift: bucket by expected error worse"


def test_a_foreign_card_is_no_test_set(database: Database) -> None:
    register_model(database, MODEL, "d" * 64, {"metrics": {"reliability": [1]}}, serve=True)
    measure(database, "night", 1000, 0.47, day=0)
    assert found(database, "night")["Against the test set"].passed is None


def test_a_long_batch_has_longer_intervals(database: Database) -> None:
    measure(database, "night", 1000, 0.47, day=0)
    status = batch_status(database, "night")
    assert status.first_claimed_at is not None
    for span, step in ((90, 1), (3600, 60), (8 * 3600, 300), (90 * 86_400, 86_400)):
        until = status.first_claimed_at + timedelta(seconds=span)
        assert step_seconds(replace(status, last_settled_at=until)) == step
