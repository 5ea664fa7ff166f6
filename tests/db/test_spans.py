"""The span of time of a batch's results, after clocks were set back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from db import migration, schema
from db.database import Database
from db.query import index_choice
from db.query.results import find_results
from db.records import ResultFilter
from db.tables import chunk, job, measurement
from testbed.records import AWAY, START, claim, measured, refusing, seen, send, store, submit
from testbed.tables import rows
from testbed.tally import check_tally


def test_results_that_ended_before_they_began_are_found_by_their_batch(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(database, [seen(number) for number in range(3)], chunk_size=1)
    for turn, chunk_id in enumerate(send(database)):
        taken = claim(database, chunk_id)
        later = START + timedelta(minutes=10 * turn)
        store(database, taken, [measured(each) for each in taken.jobs], now=later)
    # As older versions stored them after a clock was set back.
    early = START - timedelta(minutes=9)
    with database.write() as connection:
        first = select(job.c.id, job.c.radiograph_id).order_by(job.c.id).limit(1)
        of = connection.execute(first).one()
        connection.execute(update(job).where(job.c.id == of.id).values(settled_at=early))
        mine = measurement.c.radiograph_id == of.radiograph_id
        connection.execute(update(measurement).where(mine).values(measured_at=early))
    database.dispose()

    migration.downgrade(database_url, "0006")
    schema.upgrade(database_url)

    monkeypatch.setattr(index_choice, "_FEW", 0)
    found = [each.measured_at for each in find_results(database, ResultFilter(batch="night"))]
    assert found == [early, START + timedelta(minutes=10), START + timedelta(minutes=20)]
    check_tally(database)


def test_results_stored_after_the_clock_was_set_back_are_found_by_their_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(database, [seen(number) for number in range(3)], chunk_size=3)
    taken = claim(database, send(database)[0])
    earlier = START - timedelta(minutes=5)
    store(database, taken, [measured(each) for each in taken.jobs], now=earlier)
    monkeypatch.setattr(index_choice, "_FEW", 0)
    results = list(find_results(database, ResultFilter(batch="night")))
    assert [each.measured_at for each in results] == [START] * 3


def test_a_clock_set_back_does_not_prolong_delays(database: Database) -> None:
    submit(database, [seen(1)])
    taken = claim(database, send(database)[0])
    earlier = START - timedelta(days=1)
    store(database, taken, [refusing(taken.jobs[0], AWAY)], now=earlier)
    (waiting,) = [row for row in rows(database, chunk) if row.not_before is not None]
    assert earlier < waiting.not_before < earlier + timedelta(minutes=1)
