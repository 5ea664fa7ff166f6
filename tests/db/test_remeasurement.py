"""Known radiographs are measured again by another network, and the two are compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.database import Database
from db.intake import open_batch
from db.query.comparison import compare_models
from db.query.results import find_results
from db.query.status import batch_status
from db.records import IntakeCount, Provenance, ResultFilter
from db.remeasurement import remeasure
from db.states import Priority
from testbed.records import (
    BROKEN,
    MODEL,
    START,
    claim,
    measure_all,
    measured,
    measurement,
    refusing,
    seen,
    send,
    store,
    submit,
)

NEW = "lungs-2"


def again(
    db: Database, name: str = "again", *, by: str = NEW, **wanted: object
) -> list[IntakeCount]:
    batch = open_batch(db, name, Priority.ROUTINE, now=START)
    return list(remeasure(db, batch, ResultFilter(**wanted), by, 4))  # type: ignore[arg-type]


def measure_by(db: Database, values: dict[str, tuple[float | None, bool | None]]) -> None:
    """Measure waiting files; the values are by path."""
    for chunk_id in send(db):
        taken = claim(db, chunk_id)
        outcomes = []
        for job in taken.jobs:
            value, enlarged = values[job.paths[0]]
            made = measured(job, measurement(ict=value, enlarged=enlarged))
            assert isinstance(made.provenance, Provenance)
            by = replace(made.provenance, model_version=taken.model_version)
            outcomes.append(replace(made, provenance=by))
        store(db, taken, outcomes)


def test_measured_radiographs_are_queued_for_the_other_network(database: Database) -> None:
    submit(database, [seen(number) for number in range(5)])
    measure_all(database)
    assert again(database) == [IntakeCount(seen=5, queued=5)]
    chunks = [claim(database, chunk_id) for chunk_id in send(database)]
    assert {taken.model_version for taken in chunks} == {NEW}
    assert sorted(job.paths[0] for taken in chunks for job in taken.jobs) == [
        f"/archive/{number}.dcm" for number in range(5)
    ]


def test_remeasuring_again_queues_only_new_radiographs(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    measure_all(database)
    again(database)
    assert again(database) == [IntakeCount(seen=2, known=2)]
    submit(database, [seen(3)])
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        store(database, taken, [measured(job) for job in taken.jobs])
    assert again(database) == [IntakeCount(seen=3, known=2, queued=1)]
    assert batch_status(database, "again").balanced


def test_old_results_are_kept_and_both_ledgers_balance(database: Database) -> None:
    submit(database, [seen(1), seen(2), seen(1, path="/copy")])
    values: dict[str, tuple[float | None, bool | None]]
    values = {"/archive/1.dcm": (0.48, False), "/archive/2.dcm": (0.53, True)}
    measure_by(database, values)
    before = list(find_results(database, ResultFilter(model=MODEL)))
    again(database)
    # The copy is the newest path of its content; it is tried after the first.
    measure_by(database, dict.fromkeys(values, (0.51, True)))
    assert list(find_results(database, ResultFilter(model=MODEL))) == before
    assert len(list(find_results(database, ResultFilter(model=NEW, batch="again")))) == 2
    for name, seen_files, duplicates in (("night", 3, 1), ("again", 2, 0)):
        ledger = batch_status(database, name)
        assert (ledger.seen, ledger.measured, ledger.duplicates) == (seen_files, 2, duplicates)
        assert ledger.balanced


def test_radiographs_the_network_measured_for_another_batch_are_duplicates(
    database: Database,
) -> None:
    submit(database, [seen(1), seen(2)])
    measure_all(database)
    submit(database, [seen(1)], name="by-name", model=NEW)
    assert again(database) == [IntakeCount(seen=2, queued=1, duplicates=1)]
    assert batch_status(database, "again").balanced


@pytest.mark.parametrize(
    ("wanted", "chosen"), [({"ict_above": 0.5}, 2), ({"limit": 1}, 1), ({"ict_above": 0.9}, 0)]
)
def test_filters_select_by_the_old_results(
    database: Database, wanted: dict[str, object], chosen: int
) -> None:
    submit(database, [seen(number) for number in range(3)])
    values = (0.45, 0.55, 0.6)
    measure_by(
        database,
        {f"/archive/{number}.dcm": (value, None) for number, value in enumerate(values)},
    )
    assert sum((each.queued for each in again(database, **wanted)), 0) == chosen


def test_unmeasured_radiographs_are_not_selected(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        one, two = taken.jobs
        store(database, taken, [measured(one), refusing(two, BROKEN)])
    assert again(database) == [IntakeCount(seen=1, queued=1)]


def test_an_archive_is_queued_in_rounds(database: Database) -> None:
    submit(database, [seen(number) for number in range(1100)], chunk_size=1100)
    measure_all(database)
    assert [each.queued for each in again(database)] == [1000, 100]
    assert batch_status(database, "again").queued == 1100
    assert [each.known for each in again(database)] == [1000, 100]


def test_two_networks_are_compared_on_the_radiographs_both_measured(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)])
    paths = [f"/archive/{number}.dcm" for number in range(4)]
    old = [(0.48, False), (0.53, True), (0.47, False), (None, None)]
    new = [(0.52, True), (0.47, False), (0.48, False), (0.50, False)]
    measure_by(database, dict(zip(paths, old, strict=True)))
    assert compare_models(database, MODEL, NEW).radiographs == 0
    again(database)
    measure_by(database, dict(zip(paths, new, strict=True)))
    found = compare_models(database, MODEL, NEW)
    assert (found.radiographs, found.compared) == (4, 3)
    assert found.mean_change == pytest.approx((0.04 - 0.06 + 0.01) / 3)
    assert found.mean_absolute_change == pytest.approx((0.04 + 0.06 + 0.01) / 3)
    assert found.largest_change == pytest.approx(0.06)
    assert [(each.path, each.enlarged) for each in found.crossed] == [
        (paths[1], False),
        (paths[0], True),
    ]
    backwards = compare_models(database, NEW, MODEL)
    assert backwards.mean_change == pytest.approx(0.01 / 3)
