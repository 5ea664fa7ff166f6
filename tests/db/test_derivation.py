"""Derived values follow the current settings, with other writers and after interruptions."""

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
from testbed.records import measurement as a_measurement
from testbed.tables import rows
from testbed.tally import check_tally

DEFAULT = IctThresholds()
ASSUMED = IctThresholds(assume_pa=True, assume_adult=True)
#: ICT, view and age of each radiograph, and the rules under both settings.
CASES = [
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
def filled(database: Database) -> Database:
    """Return the radiographs above, measured with the default settings in two batches."""
    for name, numbers in (("night", range(6)), ("day", range(6, len(CASES)))):
        submit(database, [seen(n) for n in numbers], name=name)
        for chunk_id in send(database):
            taken = claim(database, chunk_id)
            outcomes = []
            for job in taken.jobs:
                value, view, age, *_ = CASES[int(job.paths[0].split("/")[-1].split(".")[0])]
                judged = judge(value, view, age, DEFAULT)
                made = a_measurement(ict=value, enlarged=judged.enlarged, bucket=Bucket.EXCELLENT)
                ict = replace(made.ict, rule=judged.rule, threshold=judged.threshold)
                outcomes.append(measured(job, replace(made, ict=ict), view=view, age_years=age))
            store(database, taken, outcomes)
    check_tally(database)
    return database


def whole(db: Database, lines: IctThresholds, **options: Any) -> RecomputeCount:
    """Recompute all results, or a selection, to the end, in pieces of three."""
    wanted = ResultFilter(**{k: options.pop(k) for k in ("batch", "limit") if k in options})
    count = RecomputeCount()
    for more in recompute(db, wanted, lines, piece=3, **options):
        count += more
    return count


def in_order(db: Database) -> list[Any]:
    """Return the rows of the measurements, in the order of the radiographs."""
    paths = {row.id: row.path for row in rows(db, radiograph)}
    return sorted(rows(db, measurement), key=lambda row: paths[row.radiograph_id])


def rules(db: Database) -> list[IctRule]:
    return [row.ict_rule for row in in_order(db)]


def figures(count: RecomputeCount) -> tuple[int, ...]:
    compared = (count.newly_compared, count.no_longer_compared)
    return (count.results, count.changed, count.now_above, count.no_longer_above, *compared)


def test_results_follow_changed_settings_and_back(filled: Database) -> None:
    assert rules(filled) == [case[3] for case in CASES]
    before = rows(filled, measurement)

    there = whole(filled, ASSUMED)

    assert rules(filled) == [case[4] for case in CASES]
    assert figures(there) == (10, 5, 3, 0, 5, 0)
    assert [each.path for each in there.crossed] == [f"/archive/{n}.dcm" for n in (2, 4, 5)]
    assert (batch_status(filled, "night").enlarged, batch_status(filled, "day").enlarged) == (
        4,
        0,
    )
    check_tally(filled)
    lower = whole(filled, replace(ASSUMED, adult=0.4, infant=0.5))
    assert figures(lower) == (10, 7, 3, 0, 0, 0)  # the two of 0.45, and the infant
    check_tally(filled)
    assert figures(whole(filled, DEFAULT)) == (10, 7, 0, 6, 0, 5)
    assert rows(filled, measurement) == before
    check_tally(filled)
    assert figures(whole(filled, DEFAULT)) == (10, 0, 0, 0, 0, 0)


def test_only_selected_results_change(filled: Database) -> None:
    assert whole(filled, ASSUMED, batch="day").changed == 1
    assert rules(filled)[:6] == [case[3] for case in CASES[:6]]
    assert whole(filled, ASSUMED, limit=4).results == 4
    assert rules(filled)[4] is IctRule.NONE_VIEW_UNKNOWN
    check_tally(filled)
    with pytest.raises(BatchUnknown):
        whole(filled, ASSUMED, batch="nobody's")
    assert [row.subject for row in audit_rows(filled) if row.action == "recompute"] == [
        None,
        "day",
    ]


def test_a_dry_run_returns_the_same_counts_and_changes_nothing(filled: Database) -> None:
    tables = (measurement, radiograph, tally, audit)
    before = [rows(filled, table) for table in tables]
    said = whole(filled, ASSUMED, dry_run=True)
    assert [rows(filled, table) for table in tables] == before
    assert said == whole(filled, ASSUMED)


def test_the_audit_log_has_the_settings_and_the_counts(filled: Database) -> None:
    whole(filled, ASSUMED)
    [row] = [row for row in audit_rows(filled) if row.action == "recompute"]
    said = {name: row.details[name] for name in ("assume_pa", "adult", "results", "changed")}
    assert said == {"assume_pa": True, "adult": 0.5, "results": 10, "changed": 5}


def test_a_killed_recompute_is_completed_and_both_runs_are_in_the_audit_log(
    filled: Database, database_url: str
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
    check_tally(filled)

    assert whole(filled, ASSUMED).changed == 1

    assert rules(filled) == [case[4] for case in CASES]
    check_tally(filled)
    asked = [row.details["changed"] for row in audit_rows(filled) if row.action == "recompute"]
    assert asked == [1, 4]


def test_a_bucket_follows_the_expected_error_unless_it_is_based_on_the_truth(
    filled: Database,
) -> None:
    labelled, plain = (row.id for row in in_order(filled)[1:3])
    with filled.write() as connection:
        for of, values in (
            (labelled, {"bucket_basis": BucketBasis.TRUE, "expected_error_px224": 20.0}),
            (plain, {"expected_error_px224": 20.0}),
        ):
            connection.execute(update(measurement).where(measurement.c.id == of).values(values))

    count = whole(filled, DEFAULT)

    assert (count.changed, count.buckets, count.labelled) == (1, 1, 1)
    found = [row.bucket for row in in_order(filled)]
    assert found[:4] == [Bucket.EXCELLENT] * 2 + [Bucket.REVIEW, Bucket.EXCELLENT]
    check_tally(filled)


def test_a_changed_header_moves_results_to_another_group(filled: Database) -> None:
    for view, age in ((View.UNKNOWN, None), (View.AP, 3.0), (View.PA, None), (View.LATERAL, 1.0)):
        with filled.write() as connection:
            connection.execute(update(radiograph).values(view=view, age_years=age))
        check_tally(filled)
        whole(filled, ASSUMED)
        check_tally(filled)
    expected = {IctRule.NONE_CHILD, IctRule.NONE_INVALID}  # lateral, and one year old
    assert set(rules(filled)) == expected


def test_recomputing_while_headers_change_keeps_the_tally_correct(
    filled: Database, database_url: str
) -> None:
    faults: list[BaseException] = []

    def work(lines: IctThresholds | None) -> None:
        own = Database.open(database_url)
        try:
            for turn in range(12):
                if lines is not None:
                    whole(own, lines if turn % 3 else DEFAULT)
                    continue
                for number in range(1, len(CASES) + 1):
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
    check_tally(filled)
