"""A file whose values the database refuses costs no other file its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from db.claims import store_outcomes
from db.database import Database
from db.records import Outcome
from db.results import file_outcomes
from db.states import JobState
from radiograph.errors import Unrecordable
from tests.db.making import RETRY, claim, measured, seen, send, submit
from worker.outcomes import store_apart


@pytest.mark.parametrize("odd", [{"rows": 2**70}, {"frames": -(2**64)}, {"bits_stored": 2**63}])
@pytest.mark.parametrize("count", [1, 5])
def test_an_outcome_that_the_database_refuses_ends_its_own_file(
    database: Database, odd: dict[str, Any], count: int
) -> None:
    submit(database, [seen(number) for number in range(count)], chunk_size=count)
    taken = claim(database, send(database)[0])
    done = [measured(job) for job in taken.jobs]
    done[count // 2] = measured(taken.jobs[count // 2], **odd)

    def store(some: Sequence[Outcome]) -> int:
        return store_outcomes(database, taken.owner, some, "w", RETRY)

    assert store_apart(done, store) == count
    states = [(each.state, each.code) for each in file_outcomes(database)]
    assert states.count((JobState.FAILED, Unrecordable.code)) == 1
    assert states.count((JobState.MEASURED, None)) == count - 1
