"""What is derived follows today's settings, exactly, whoever else writes and wherever it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from db.audit import audit_rows
from db.database import Database
from db.derivation import recompute
from db.derivation_records import RecomputeCount
from db.errors import BatchUnknown
from db.query.status import batch_status
from db.records import ResultFilter
from db.tables import audit, measurement, radiograph, tally
from radiograph.measures.ict import judge
from radiograph.records import Bucket, BucketBasis, IctRule, IctThresholds, View
from testbed.checkout import ROOT
from testbed.records import claim, measured, seen, send, store, submit
from testbed.records import measurement as film_measured
from testbed.tables import rows
from testbed.tally import check_tally

DEFAULT = IctThresholds()
ASSUMED = IctThresholds(assume_pa=True, assume_adult=True)
#: ICT, view and age of each film, and the rules of both settings.
FILMS = [
    (0.55, View.PA, 40.0, IctRule.ADULT_PA, IctRule.ADULT_PA),
    (0.45, View.PA, 40.0, IctRule.ADULT_PA, IctRule.ADULT_PA),
    (0.55, View.UNKNOWN, 40.0, IctRule.NONE_VIEW_UNKNOWN, IctRule.ADULT_PA),
    (0.45, View.UNKNOWN, 40.0, IctRule.NONE_VIEW_UNKNOWN, IctRule.ADULT_PA),
    (0.56, View.UNKNOWN, None, IctRule.NONE_VIEW_UNKNOWN, IctRule.ADULT_PA),
    (0.57, View.PA, None, IctRule.NONE_AGE_UNKNOWN, IctRule.ADULT_PA),
    (0.55, View.AP, 40.0, IctRule.NONE_AP, IctRule.NONE_AP),
    (0.55, View.PA, 5.0, IctRule.NONE_CHILD, IctRule.NONE_CHILD),
    (0.55, View.UNKNOWN, 0.5, IctRule.NONE_VIEW_UNKNOWN, IctRule.INFANT_PA),
    (None, View.UNKNOWN, None, IctRule.NONE_INVALID, IctRule.NONE_INVALID),
]


@pytest.fixture
def films(database: Database) -> Database:
    """Give the films above, measured by the default settings in two batches."""
    for name, numbers in (("night", range(6)), ("day", range(6, len(FILMS)))):
        submit(database, [seen(n) for n in numbers], name=name)
        for chunk_id in send(database):
            taken = claim(database, chunk_id)
            outcomes = []
            for job in taken.jobs:
                value, view, age, *_ = FILMS[int(job.paths[0].split("/")[-1].split(".")[0])]
                judged = judge(value, view, age, DEFAULT)
                made = film_measured(ict=value, enlarged=judged.enlarged, bucket=Bucket.EXCELLENT)
                ict = replace(made.ict, rule=judged.rule, threshold=judged.threshold)
                outcomes.append(measured(job, replace(made, ict=ict), view=view, age_years=age))
            store(database, taken, outcomes)
    check_tally(database)
    return database


def whole(db: Database, lines: IctThresholds, **options: Any) -> RecomputeCount:
    """Compute all, or what ``options`` choose, to the end, in pieces of three."""
    wanted = ResultFilter(**{k: options.pop(k) for k in ("batch", "limit") if k in options})
    count = RecomputeCount()
    for more in recompute(db, wanted, lines, piece=3, **options):
        count += more
    return count


def in_order(db: Database) -> list[Any]:
    """Return the rows of the measurements, in the order of the films."""
    paths = {row.id: row.path for row in rows(db, radiograph)}
    return sorted(rows(db, measurement), key=lambda row: paths[row.radiograph_id])


def rules(db: Database) -> list[IctRule]:
    return [row.ict_rule for row in in_order(db)]


def figures(count: RecomputeCount) -> tuple[int, ...]:
    compared = (count.newly_compared, count.no_longer_compared)
    return (count.results, count.changed, count.now_above, count.no_longer_above, *compared)


def test_settings_that_change_are_followed_there_and_back(films: Database) -> None:
    assert rules(films) == [film[3] for film in FILMS]
    before = rows(films, measurement)

    there = whole(films, ASSUMED)

    assert rules(films) == [film[4] for film in FILMS]
    assert figures(there) == (10, 5, 3, 0, 5, 0)
    assert [each.path for each in there.crossed] == [f"/archive/{n}.dcm" for n in (2, 4, 5)]
    assert (batch_status(films, "night").enlarged, batch_status(films, "day").enlarged) == (4, 0)
    check_tally(films)
    lower = whole(films, replace(ASSUMED, adult=0.4, infant=0.5))
    assert figures(lower) == (10, 7, 3, 0, 0, 0)  # both of 0.45, and the infant
    check_tally(films)
    assert figures(whole(films, DEFAULT)) == (10, 7, 0, 6, 0, 5)
    assert rows(films, measurement) == before
    check_tally(films)
    assert figures(whole(films, DEFAULT)) == (10, 0, 0, 0, 0, 0)


def test_only_what_is_chosen_changes(films: Database) -> None:
    assert whole(films, ASSUMED, batch="day").changed == 1
    assert rules(films)[:6] == [film[3] for film in FILMS[:6]]
    assert whole(films, ASSUMED, limit=4).results == 4
    assert rules(films)[4] is IctRule.NONE_VIEW_UNKNOWN
    check_tally(films)
    with pytest.raises(BatchUnknown):
        whole(films, ASSUMED, batch="nobody's")
    assert [row.subject for row in audit_rows(films) if row.action == "recompute"] == [None, "day"]


def test_a_dry_run_says_the_same_and_changes_nothing(films: Database) -> None:
    tables = (measurement, radiograph, tally, audit)
    before = [rows(films, table) for table in tables]
    said = whole(films, ASSUMED, dry_run=True)
    assert [rows(films, table) for table in tables] == before
    assert said == whole(films, ASSUMED)


def test_the_audit_holds_the_settings_and_what_they_did(films: Database) -> None:
    whole(films, ASSUMED)
    [row] = [row for row in audit_rows(films) if row.action == "recompute"]
    said = {name: row.details[name] for name in ("assume_pa", "adult", "results", "changed")}
    assert said == {"assume_pa": True, "adult": 0.5, "results": 10, "changed": 5}


def test_what_was_killed_halfway_goes_on_and_the_audit_knows_of_both(
    films: Database, database_url: str
) -> None:
    script = (
        "import sys\nfrom tests.db.test_derivation import *\n"
        "for count in recompute(Database.open(sys.argv[1]), ResultFilter(), ASSUMED, piece=3):\n"
        "    print(count.changed, flush=True)\n    input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, database_url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "1\n"
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "3\n"
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    check_tally(films)

    assert whole(films, ASSUMED).changed == 1

    assert rules(films) == [film[4] for film in FILMS]
    check_tally(films)
    asked = [row.details["changed"] for row in audit_rows(films) if row.action == "recompute"]
    assert asked == [1, 4]


def test_a_bucket_follows_the_expected_error_unless_it_rests_on_the_truth(films: Database) -> None:
    labelled, plain = (row.id for row in in_order(films)[1:3])
    with films.write() as connection:
        for of, values in (
            (labelled, {"bucket_basis": BucketBasis.TRUE, "expected_error_px224": 20.0}),
            (plain, {"expected_error_px224": 20.0}),
        ):
            connection.execute(update(measurement).where(measurement.c.id == of).values(values))

    count = whole(films, DEFAULT)

    assert (count.changed, count.buckets, count.labelled) == (1, 1, 1)
    found = [row.bucket for row in in_order(films)]
    assert found[:4] == [Bucket.EXCELLENT] * 2 + [Bucket.REVIEW, Bucket.EXCELLENT]
    check_tally(films)


def test_a_header_that_is_read_otherwise_is_counted_otherwise(films: Database) -> None:
    for view, age in ((View.UNKNOWN, None), (View.AP, 3.0), (View.PA, None), (View.LATERAL, 1.0)):
        with films.write() as connection:
            connection.execute(update(radiograph).values(view=view, age_years=age))
        check_tally(films)
        whole(films, ASSUMED)
        check_tally(films)
    expected = {IctRule.NONE_CHILD, IctRule.NONE_INVALID}  # lateral and a year old
    assert set(rules(films)) == expected


def test_recomputing_and_reading_headers_beside_each_other_keep_the_tally(
    films: Database, database_url: str
) -> None:
    faults: list[BaseException] = []

    def work(lines: IctThresholds | None) -> None:
        own = Database.open(database_url)
        try:
            for turn in range(12):
                if lines is not None:
                    whole(own, lines if turn % 3 else DEFAULT)
                    continue
                for number in range(1, len(FILMS) + 1):
                    view = View.PA if (turn + number) % 2 else View.UNKNOWN
                    changed = update(radiograph).where(radiograph.c.id == number)
                    with own.write() as connection:
                        connection.execute(changed.values(view=view))
        except BaseException as exc:  # noqa: BLE001 - told below
            faults.append(exc)
        finally:
            own.dispose()

    all_lines = (ASSUMED, replace(ASSUMED, adult=0.4), None)
    threads = [threading.Thread(target=work, args=(lines,)) for lines in all_lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    check_tally(films)
