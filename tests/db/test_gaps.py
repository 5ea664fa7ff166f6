"""Results that were measured before there was a measure are given it from their points."""

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

FILMS = 7
#: Before the first measure of the points alone.
BEFORE = "0012"


@pytest.fixture
def films(database: Database, database_url: str) -> Database:
    """Give seven results as the schema before left them."""
    submit(database, [seen(number) for number in range(FILMS)])
    measure_all(database)
    whole(database)  # what follows from settings does so already
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


def test_a_result_of_the_schema_before_is_given_what_its_points_measure(films: Database) -> None:
    assert lacking(films) == dict.fromkeys(OF_POINTS, FILMS)
    assert [each.measurement.values for each in find_results(films, ResultFilter())] == [{}] * FILMS

    count = whole(films)

    assert (count.results, count.changed, count.filled) == (FILMS, 0, FILMS)
    assert lacking(films) == {}
    for each in find_results(films, ResultFilter()):
        assert each.measurement.values == of_points(each.measurement.points, each.header)
        assert set(each.measurement.values) == set(OF_POINTS)
    noted = next(row for row in audit_rows(films) if row.action == "recompute")
    assert noted.details["filled"] == FILMS
    assert whole(films).filled == 0
    check_tally(films)


def test_filling_that_ended_halfway_goes_on(films: Database) -> None:
    assert next(recompute(films, ResultFilter(), IctThresholds(), piece=3)).filled == 3
    assert lacking(films) == dict.fromkeys(OF_POINTS, FILMS - 3)
    assert whole(films).filled == FILMS - 3
    assert lacking(films) == {}


def test_a_dry_run_and_a_filter_leave_gaps(films: Database) -> None:
    before = rows(films, measurement)
    assert whole(films, dry_run=True).filled == FILMS
    assert rows(films, measurement) == before
    assert whole(films, ResultFilter(limit=2)).filled == 2
    assert lacking(films) == dict.fromkeys(OF_POINTS, FILMS - 2)


def test_one_measure_alone_is_lacking_after_a_release_that_brought_it(films: Database) -> None:
    whole(films)
    complete = rows(films, measurement)
    for name in OF_POINTS:
        with films.write() as connection:
            connection.execute(update(measurement).values({name: None}))
        assert lacking(films) == {name: FILMS}
        assert whole(films).filled == FILMS
        assert rows(films, measurement) == complete


def test_a_result_that_is_judged_otherwise_too_counts_as_both(films: Database) -> None:
    with films.write() as connection:
        connection.execute(update(measurement).values(ict=0.6, ict_rule=IctRule.NONE_AP))
    count = whole(films)
    assert (count.changed, count.filled, count.now_above) == (FILMS, FILMS, FILMS)
    assert {row.enlarged for row in rows(films, measurement)} == {True}


def test_what_was_measured_anew_in_the_meantime_keeps_its_measures(films: Database) -> None:
    ids = [row.id for row in rows(films, measurement)]
    with films.read() as connection:
        old = measured_again(connection, ids)
    anew = dict.fromkeys(OF_POINTS, 0.125)
    with films.write() as connection:
        connection.execute(update(measurement).where(measurement.c.id == ids[0]).values(anew))
    with films.write() as connection:
        assert fill(connection, old) == FILMS - 1
    [first] = [row for row in rows(films, measurement) if row.id == ids[0]]
    assert {name: getattr(first, name) for name in OF_POINTS} == anew
