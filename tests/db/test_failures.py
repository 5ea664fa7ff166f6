"""Failed and set aside files are listed, the newest first, with every filter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from db.database import Database
from db.errors import BatchUnknown
from db.operations import retry
from db.query.failure_records import FailureFilter
from db.query.failures import count_failures, find_failures
from db.records import Refusal
from db.states import JobState
from testbed.records import (
    AWAY,
    BROKEN,
    LATERAL,
    START,
    claim,
    measured,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)

#: Outcomes of the contents 1 to 6, a minute apart; others are measured.
ENDINGS = {1: None, 2: BROKEN, 3: LATERAL, 4: None, 5: BROKEN, 6: LATERAL}


@pytest.fixture(scope="module")
def archive(module_database: Database) -> Database:
    """Return two batches of files that failed, were set aside or refused, and a duplicate."""
    submit(
        module_database,
        [seen(1), seen(2), seen(3), refused("notes.txt", LATERAL), refused("half.dcm")],
        chunk_size=1,
    )
    again = [seen(2, path="/again/2_%.dcm"), *(seen(number) for number in (4, 5, 6))]
    submit(module_database, again, name="again", chunk_size=1)
    for minute, chunk_id in enumerate(send(module_database), 1):
        taken = claim(module_database, chunk_id)
        [each] = taken.jobs
        refusal = ENDINGS[int(each.paths[0].removeprefix("/archive/").removesuffix(".dcm"))]
        outcome = measured(each) if refusal is None else refusing(each, refusal)
        store(module_database, taken, [outcome], now=START + timedelta(minutes=minute))
    return module_database


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["6.dcm", "5.dcm", "3.dcm", "2_%.dcm", "2.dcm", "half.dcm", "notes.txt"]),
        ({"limit": 2}, ["6.dcm", "5.dcm"]),
        ({"batch": "night"}, ["3.dcm", "2.dcm", "half.dcm", "notes.txt"]),
        ({"batch": "again"}, ["6.dcm", "5.dcm", "2_%.dcm"]),
        ({"states": (JobState.FAILED,)}, ["5.dcm", "2_%.dcm", "2.dcm", "half.dcm"]),
        ({"states": (JobState.SET_ASIDE,)}, ["6.dcm", "3.dcm", "notes.txt"]),
        ({"codes": ("lateral-view",)}, ["6.dcm", "3.dcm", "notes.txt"]),
        ({"codes": ("lateral-view",), "batch": "night"}, ["3.dcm", "notes.txt"]),
        ({"codes": ("lateral-view", "truncated-file"), "limit": 1}, ["6.dcm"]),
        ({"codes": ("too-small",)}, []),
        ({"since": START + timedelta(minutes=3)}, ["6.dcm", "5.dcm", "3.dcm"]),
        ({"until": START + timedelta(minutes=1)}, ["half.dcm", "notes.txt"]),
        ({"path": "/archive/2.dcm"}, ["2.dcm"]),
        ({"path": "/archive/1.dcm"}, []),  # measured
        ({"path": "2"}, ["2_%.dcm", "2.dcm"]),
        ({"path": "_%"}, ["2_%.dcm"]),  # not a pattern
        ({"path": "HALF"}, []),
        ({"path": "half", "batch": "night", "codes": ("truncated-file",)}, ["half.dcm"]),
        ({"path": ""}, ["6.dcm", "5.dcm", "3.dcm", "2_%.dcm", "2.dcm", "half.dcm", "notes.txt"]),
    ],
)
def test_a_filter_selects_failures_the_newest_first(
    archive: Database, wanted: dict[str, Any], found: list[str]
) -> None:
    asked = FailureFilter(**wanted)
    failures = list(find_failures(archive, asked))
    assert [each.path.rpartition("/")[2] for each in failures] == found
    assert sum(count_failures(archive, asked).values()) == len(found) or asked.limit is not None
    assert [each.ended_at for each in failures] == sorted(
        (each.ended_at for each in failures), reverse=True
    )


def test_a_failure_has_code_time_and_batch(archive: Database) -> None:
    by_path = {each.path: each for each in find_failures(archive, FailureFilter())}
    at_work, copy = by_path["/archive/2.dcm"], by_path["/again/2_%.dcm"]
    assert (at_work.batch, at_work.state, at_work.code, at_work.detail, at_work.attempts) == (
        *("night", JobState.FAILED, BROKEN.code, BROKEN.detail, 1),
    )
    assert (at_work.duplicate, copy.duplicate, copy.batch) == (False, True, "again")
    assert at_work.radiograph_id == copy.radiograph_id is not None
    at_intake = by_path["/archive/notes.txt"]
    assert (at_intake.state, at_intake.code, at_intake.attempts, at_intake.radiograph_id) == (
        *(JobState.SET_ASIDE, LATERAL.code, 0, None),
    )
    assert at_intake.ended_at == START


def test_an_unknown_batch_is_reported_before_the_first_failure(archive: Database) -> None:
    for ask in (find_failures, count_failures):
        with pytest.raises(BatchUnknown):
            ask(archive, FailureFilter(batch="nigth"))


def test_failures_retried_during_a_listing_are_left_out(database: Database) -> None:
    submit(database, [refused("a.dcm"), refused("b.dcm", AWAY), seen(1)])
    [taken] = [claim(database, each) for each in send(database)]
    store(database, taken, [refusing(each, BROKEN) for each in taken.jobs])
    listed = find_failures(database, FailureFilter())
    retry(database, None, None, 4)
    assert list(listed) == []


def test_more_failures_than_a_page_are_listed_once_each(database: Database) -> None:
    gone = Refusal("too-small", "too small", LATERAL.disposition)
    submit(database, [refused(f"{number:04}", gone) for number in range(1203)])
    found = [each.path for each in find_failures(database, FailureFilter())]
    assert found == [f"/archive/{number:04}" for number in reversed(range(1203))]
