"""Values that the database refuses do not affect the outcomes of other files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from db import claims
from db.claims import store_outcomes
from db.database import Database
from db.erasure import erase
from db.erasure_records import Scope
from db.errors import DatabaseBusy
from db.intake import open_batch
from db.query.results import file_outcomes
from db.records import Outcome
from db.states import JobState, Priority
from db.tables import chunk
from radiograph.errors import Unrecordable
from testbed.records import AWAY, RETRY, START, claim, measured, refusing, seen, send, submit
from worker.outcomes import store_apart


@pytest.mark.parametrize("odd", [{"rows": 2**70}, {"frames": -(2**64)}, {"bits_stored": 2**63}])
@pytest.mark.parametrize("count", [1, 5])
def test_an_outcome_that_the_database_refuses_fails_only_its_file(
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


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_forgotten_meanwhile_fails_no_file(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    database = Database.open(postgres_url)
    submit(database, [seen(number) for number in range(count)], chunk_size=count)
    other = open_batch(database, "other", Priority.ROUTINE)
    with database.write() as connection:
        connection.execute(update(chunk).values(batch_id=other.id))  # the last to queue them
    taken = claim(database, send(database)[0])
    settle = claims.settle

    def forgetting_first(*args: Any, **kwargs: Any) -> None:
        monkeypatch.undo()
        for _ in erase(database, Scope(batch="other")):
            pass
        settle(*args, **kwargs)

    def store(some: Sequence[Outcome]) -> int:
        return store_outcomes(database, taken.owner, some, "w", RETRY, now=START)

    monkeypatch.setattr(claims, "settle", forgetting_first)
    done = [refusing(job, AWAY) for job in taken.jobs]
    with pytest.raises(DatabaseBusy):
        store_apart(done, store)
    assert store_apart(done, store) == count
    assert {(each.state, each.code) for each in file_outcomes(database)} == {
        (JobState.QUEUED, AWAY.code)
    }
    database.dispose()
