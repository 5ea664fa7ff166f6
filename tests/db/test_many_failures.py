"""Few failures among many files are found without scanning all of them."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from sqlalchemy import select, update

from db.database import Database
from db.query.conditions import parse_condition
from db.query.failure_records import FailureFilter
from db.query.failures import find_failures
from db.query.results import find_results
from db.records import ResultFilter
from db.states import JobState
from db.tables import job
from db.tally import fold
from testbed.large_database import BATCH, LATE_BATCH, fill
from tests.db.test_many_results import counted


@pytest.fixture(scope="module")
def many(module_database: Database) -> Database:
    """Return four thousand files, a few of which failed in each batch."""
    deque(fill(module_database, 4000), maxlen=0)
    with module_database.write() as connection:
        connection.execute(
            update(job)
            .where(job.c.id.in_([*range(7, 4000, 400), 3990]))
            .values(state=JobState.FAILED, code="truncated-file")
        )
        connection.execute(
            update(job)
            .where(job.c.id.in_(range(1, 1500)), job.c.state == JobState.MEASURED)
            .values(state=JobState.SET_ASIDE, code="lateral-view")
        )
    while fold(module_database) > 500:  # as upkeep does from time to time
        pass
    return module_database


@pytest.mark.parametrize("module_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "wanted",
    [
        {"states": (JobState.FAILED,)},
        {"codes": ("truncated-file",)},
        {"batch": BATCH, "states": (JobState.FAILED,)},
        {"batch": LATE_BATCH},
        {"batch": LATE_BATCH, "codes": ("lateral-view",)},
        {"path": "/archive/0000/0000007.dcm"},
    ],
    ids=str,
)
def test_few_failures_are_found_without_scanning_all_files(
    many: Database, wanted: dict[str, Any]
) -> None:
    asked = ResultFilter(where=(parse_condition("duration_ms<0"),), limit=20)
    through_all = counted(many, lambda: deque(find_results(many, asked), maxlen=0))
    failures = FailureFilter(**wanted, limit=20)
    taken = counted(many, lambda: deque(find_failures(many, failures), maxlen=0))
    assert taken < through_all / 3, (taken, through_all)
    assert [each.code for each in find_failures(many, failures)] or "codes" in wanted


def test_exactly_the_failed_jobs_are_listed(many: Database) -> None:
    with many.read() as connection:
        failed = select(job.c.id).where(job.c.state.in_((JobState.FAILED, JobState.SET_ASIDE)))
        ids = set(connection.scalars(failed))
    assert {each.radiograph_id for each in find_failures(many, FailureFilter())} == ids
