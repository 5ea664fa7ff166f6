"""Results that are older than a measure get it from their points."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from db import migration, schema
from db.audit import audit_rows
from db.database import Database
from db.derivation import recompute
from db.derivation_records import RecomputeCount
from db.gaps import fill, gaps, measured_again
from db.query.results import find_results
from db.records import ResultFilter
from db.tables import measurement
from radiograph.measures.values import OF_POINTS, of_points
from radiograph.records import IctRule, IctThresholds
from testbed.records import measure_all, seen, submit
from testbed.tables import rows
from testbed.tally import check_tally

RESULTS = 7
#: The revision before the first measure that is computed from points only.
BEFORE = "0012"


@pytest.fixture
def filled(database: Database, database_url: str) -> Database:
    """Return seven results as stored under the previous schema."""
    submit(database, [seen(number) for number in range(RESULTS)])
    measure_all(database)
    whole(database)  # so that derived values are up to date
    database.dispose()
    migration.downgrade(database_url, BEFORE)
    schema.upgrade(database_url)
    return database


def whole(db: Database, wanted: ResultFilter | None = None, **options: Any) -> RecomputeCount:
    count = RecomputeCount()
    for more in recompute(db, wanted or ResultFilter(), IctThresholds(), piece=3, **options):
        count += more
    return count


def lacking(db: Database) -> dict[str, int]:
    return {each.measure: each.results for each in gaps(db)}


def test_a_result_of_an_older_schema_gets_measures_from_its_points(filled: Database) -> None:
    assert lacking(filled) == dict.fromkeys(OF_POINTS, RESULTS)
    assert [each.measurement.values for each in find_results(filled, ResultFilter())] == [
        {}
    ] * RESULTS

    count = whole(filled)

    assert (count.results, count.changed, count.filled) == (RESULTS, 0, RESULTS)
    assert lacking(filled) == {}
    for each in find_results(filled, ResultFilter()):
        assert each.measurement.values == of_points(each.measurement.points, each.header)
        assert set(each.measurement.values) == set(OF_POINTS)
    noted = next(row for row in audit_rows(filled) if row.action == "recompute")
    assert noted.details["filled"] == RESULTS
    assert whole(filled).filled == 0
    check_tally(filled)


def test_interrupted_filling_is_completed(filled: Database) -> None:
    assert next(recompute(filled, ResultFilter(), IctThresholds(), piece=3)).filled == 3
    assert lacking(filled) == dict.fromkeys(OF_POINTS, RESULTS - 3)
    assert whole(filled).filled == RESULTS - 3
    assert lacking(filled) == {}


def test_a_dry_run_and_a_filter_leave_gaps(filled: Database) -> None:
    before = rows(filled, measurement)
    assert whole(filled, dry_run=True).filled == RESULTS
    assert rows(filled, measurement) == before
    assert whole(filled, ResultFilter(limit=2)).filled == 2
    assert lacking(filled) == dict.fromkeys(OF_POINTS, RESULTS - 2)


def test_only_the_new_measure_is_missing_after_an_upgrade(filled: Database) -> None:
    whole(filled)
    complete = rows(filled, measurement)
    for name in OF_POINTS:
        with filled.write() as connection:
            connection.execute(update(measurement).values({name: None}))
        assert lacking(filled) == {name: RESULTS}
        assert whole(filled).filled == RESULTS
        assert rows(filled, measurement) == complete


def test_a_result_that_is_filled_and_changed_counts_as_both(filled: Database) -> None:
    with filled.write() as connection:
        connection.execute(update(measurement).values(ict=0.6, ict_rule=IctRule.NONE_AP))
    count = whole(filled)
    assert (count.changed, count.filled, count.now_above) == (RESULTS, RESULTS, RESULTS)
    assert {row.enlarged for row in rows(filled, measurement)} == {True}


def test_a_result_measured_again_meanwhile_keeps_its_measures(filled: Database) -> None:
    ids = [row.id for row in rows(filled, measurement)]
    with filled.read() as connection:
        old = measured_again(connection, ids)
    anew = dict.fromkeys(OF_POINTS, 0.125)
    with filled.write() as connection:
        connection.execute(update(measurement).where(measurement.c.id == ids[0]).values(anew))
    with filled.write() as connection:
        assert fill(connection, old) == RESULTS - 1
    [first] = [row for row in rows(filled, measurement) if row.id == ids[0]]
    assert {name: getattr(first, name) for name in OF_POINTS} == anew
