"""In a large archive the same results are found, and few of them without scanning all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, select

from db.database import Database
from db.query import index_choice
from db.query.conditions import parse_condition
from db.query.filters import filtered
from db.query.order import parse_order
from db.query.results import count_results, find_results
from db.records import ResultFilter
from db.tables import measurement, radiograph
from radiograph.records import Bucket
from testbed.large_database import (
    BATCH,
    LATE_BATCH,
    LATE_MODEL,
    MadeRadiograph,
    fill,
    made_radiographs,
)
from testbed.records import MODEL

COUNT, FEW = 4000, 30
MADE = list(made_radiographs(range(1, COUNT + 1), COUNT))
LATE = MADE[-25].measured_at


@pytest.fixture(scope="module")
def archive(module_database: Database) -> Database:
    """Return a database of either kind with all radiographs."""
    deque(fill(module_database, COUNT), maxlen=0)
    return module_database


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limit for few results, for an archive that is filled within seconds."""
    monkeypatch.setattr(index_choice, "_FEW", FEW)


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({}, lambda made: made.number > 0),
        ({"ict_above": 0.699}, lambda made: made.ict > 0.699),
        ({"ict_above": 0.31}, lambda made: made.ict > 0.31),
        ({"ict_above": 0.5, "ict_below": 0.5005}, lambda made: 0.5 < made.ict < 0.5005),
        ({"ict_above": 0.9}, lambda made: made.ict > 0.9),
        ({"study_date_from": date(2024, 8, 1)}, lambda made: made.study_date >= date(2024, 8, 1)),
        ({"study_date_from": date(2005, 1, 1)}, lambda made: made.study_date >= date(2005, 1, 1)),
        ({"batch": BATCH}, lambda made: made.batch == BATCH),
        ({"batch": LATE_BATCH}, lambda made: made.batch == LATE_BATCH),
        ({"model": MODEL}, lambda made: made.model == MODEL),
        ({"model": LATE_MODEL}, lambda made: made.model == LATE_MODEL),
        ({"bucket": Bucket.UNRATED}, lambda made: made.bucket is Bucket.UNRATED),
        ({"enlarged": True}, lambda made: made.enlarged),
        ({"since": LATE}, lambda made: made.measured_at >= LATE),
        (
            {"bucket": Bucket.GOOD, "ict_above": 0.699, "enlarged": True},
            lambda made: made.bucket is Bucket.GOOD and made.ict > 0.699,
        ),
        (
            {"batch": LATE_BATCH, "ict_above": 0.4, "until": LATE},
            lambda made: made.batch == LATE_BATCH and made.ict > 0.4 and made.measured_at < LATE,
        ),
        (
            {"patient": "p-7", "ict_above": 0.4},
            lambda made: made.patient == "p-7" and made.ict > 0.4,
        ),
        (
            {"where": (parse_condition("ict>=0.699"), parse_condition("model!=lungs-2"))},
            lambda made: made.ict >= 0.699 and made.model == MODEL,
        ),
    ],
)
def test_few_and_many_results_are_found_in_the_order_they_were_measured(
    archive: Database, wanted: dict[str, Any], holds: Callable[[MadeRadiograph], bool]
) -> None:
    expected = [made.study_uid for made in MADE if holds(made)]
    for limit in (20, FEW):
        found = find_results(archive, ResultFilter(**wanted, limit=limit))
        assert [each.header.study_uid for each in found] == expected[:limit]
    assert count_results(archive, ResultFilter(**wanted)) == len(expected)


@pytest.mark.parametrize("module_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "wanted",
    [
        {"ict_above": 0.699},
        {"ict_above": 0.9},
        {"ict_below": 0.301},
        {"where": (parse_condition("ict>=0.699"),)},
        {"ict_above": 0.699, "bucket": Bucket.GOOD},
        {"study_date_from": date(2024, 8, 1)},
        {"study_date_from": date(2030, 1, 1)},
        {"batch": LATE_BATCH},
        {"batch": LATE_BATCH, "ict_above": 0.4},
        {"model": MODEL},
        {"model": LATE_MODEL},
        {"bucket": Bucket.UNRATED},
        {"since": LATE},
        {"patient": MADE[-1].patient},
        {"study": MADE[-1].stat.path},
    ],
    ids=str,
)
def test_few_results_are_found_without_scanning_all(
    archive: Database, wanted: dict[str, Any]
) -> None:
    # There is no index for this condition, and no radiograph matches.
    through_all = steps(archive, {"where": (parse_condition("duration_ms<0"),)})
    assert steps(archive, wanted) < through_all / 3


@pytest.mark.parametrize("module_database", ["sqlite"], indirect=True)
def test_a_round_of_remeasuring_reads_only_its_own_rows(archive: Database) -> None:
    def some(wanted: ResultFilter) -> None:
        chosen = select(radiograph.c.id).distinct().join(measurement)
        with archive.read() as connection:
            in_turn = filtered(connection, chosen.order_by(radiograph.c.id).limit(20), wanted)
            assert len(connection.execute(in_turn).all()) == 20

    through_all = steps(archive, {"where": (parse_condition("duration_ms<0"),)})
    assert counted(archive, lambda: some(ResultFilter(batch=BATCH))) < through_all / 3


@pytest.mark.parametrize("direction", ["", ":desc"], ids=["up", "down"])
@pytest.mark.parametrize(
    "column", ["ict", "measured_at", "study_date", "radiograph", "measurement"]
)
def test_the_first_results_by_an_indexed_column_are_found_by_its_index(
    archive: Database, column: str, direction: str
) -> None:
    order = parse_order(column + direction)

    def first() -> list[str | None]:
        found = find_results(archive, ResultFilter(limit=20), order)
        return [each.header.study_uid for each in found]

    keys: dict[str, Callable[[MadeRadiograph], Any]] = {
        "ict": lambda made: (made.ict, made.number),
        "study_date": lambda made: (made.study_date, made.number),
    }
    in_order = sorted(MADE, key=keys.get(column, lambda made: made.number), reverse=bool(direction))
    assert first() == [made.study_uid for made in in_order[:20]]
    with archive.read() as connection:
        sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        through_all = steps(archive, {"where": (parse_condition("duration_ms<0"),)})
        assert counted(archive, first) < through_all / 3
    else:
        plan = planned(archive, first)
        assert "Seq Scan" not in plan, plan


def planned(database: Database, work: Callable[[], object]) -> str:
    """Return PostgreSQL's plan of the last statement of ``work``."""
    asked: list[tuple[str, Any]] = []

    def noted(_c: object, _cursor: object, statement: str, values: Any, *_more: object) -> None:
        asked.append((statement, values))

    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
    with database.read() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", noted)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", noted)
    statement, values = next(each for each in reversed(asked) if "LIMIT" in each[0])
    with database.read() as connection:
        lines = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()
        return "\n".join(lines)


def steps(database: Database, wanted: dict[str, Any]) -> int:
    """Return the steps of SQLite's virtual machine for twenty results, in tens."""
    chosen = ResultFilter(**wanted, limit=20)
    return counted(database, lambda: deque(find_results(database, chosen), maxlen=0))


def counted(database: Database, work: Callable[[], object]) -> int:
    """Return the steps of SQLite's virtual machine for ``work``, in tens."""
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    with database.read() as connection:
        watched = connection.connection.dbapi_connection
    assert watched is not None
    # The pool has one open connection, which it returns again.
    watched.set_progress_handler(step, 10)
    try:
        work()
    finally:
        watched.set_progress_handler(None, 0)
    assert taken > 0
    return taken
