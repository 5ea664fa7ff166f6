"""Results and failures in the order of a column: the same on both databases, absent values last."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from db.database import Database
from db.query.failure_records import FailureFilter
from db.query.failures import SORTABLE as OF_FAILURES
from db.query.failures import find_failures
from db.query.order import SORTABLE, Order, parse_order
from db.query.results import count_results, find_results
from db.records import ResultFilter
from testbed.records import (
    BROKEN,
    LATERAL,
    START,
    claim,
    measured,
    measurement,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)

INDICES = (0.5, None, 0.4, 0.5, 0.6)
#: Sorted by bytes: capitals come first and letters of other languages last.
PARTS = ("b", "B", None, "\xe4", "a")


@pytest.fixture(scope="module")
def archive(module_database: Database) -> Database:
    """Return five results, two with the same ICT, and failed files."""
    submit(module_database, [*map(seen, range(7)), refused("notes.txt")], chunk_size=1)
    for minute, chunk_id in enumerate(send(module_database)):
        taken = claim(module_database, chunk_id)
        [job] = taken.jobs
        number = int(job.paths[0].removeprefix("/archive/").removesuffix(".dcm"))
        if number < len(INDICES):
            of = measurement(ict=INDICES[number])
            outcome = measured(job, of, body_part=PARTS[number])
        else:
            outcome = refusing(job, (BROKEN, LATERAL)[number - len(INDICES)])
        store(module_database, taken, [outcome], now=START + timedelta(minutes=minute))
    return module_database


def found(db: Database, written: str, limit: int | None = None) -> list[int]:
    wanted = ResultFilter(limit=limit)
    return [
        int(each.path.removeprefix("/archive/").removesuffix(".dcm"))
        for each in find_results(db, wanted, parse_order(written))
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ict", [2, 0, 3, 4, 1]),
        ("ict:asc", [2, 0, 3, 4, 1]),
        ("ict:desc", [4, 3, 0, 2, 1]),
        ("body_part", [1, 4, 0, 3, 2]),
        ("body_part:desc", [3, 0, 4, 1, 2]),
        ("path:desc", [4, 3, 2, 1, 0]),
        ("measured_at:desc", [4, 3, 2, 1, 0]),
    ],
)
def test_both_databases_sort_results_in_the_same_order(
    archive: Database, written: str, expected: list[int]
) -> None:
    assert found(archive, written) == expected
    for limit in range(1, 6):
        assert found(archive, written, limit) == expected[:limit]


@pytest.mark.parametrize("column", sorted(SORTABLE))
def test_every_column_sorts_with_any_filter(archive: Database, column: str) -> None:
    order = Order(column, descending=Random(column).random() < 0.5)
    for wanted in (ResultFilter(batch="night", limit=3), ResultFilter(batch="night")):
        assert len(list(find_results(archive, wanted, order))) == count_results(archive, wanted)


@pytest.mark.parametrize("column", sorted(OF_FAILURES))
def test_failures_are_sorted_by_every_column(archive: Database, column: str) -> None:
    ways = [
        list(find_failures(archive, FailureFilter(), Order(column, descending=descending)))
        for descending in (False, True)
    ]
    assert [len(way) for way in ways] == [3, 3]
    if column == "path":
        assert [each.path for each in ways[0]] == sorted(each.path for each in ways[0])
        assert ways[1] == ways[0][::-1]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("itc", "did you mean ict"),
        ("points", "cannot sort by"),
        ("ict:up", "asc or desc"),
        ("ict:", "asc or desc"),
        ("", "cannot sort by"),
        ("ict;drop table job", "cannot sort by"),
    ],
)
def test_the_error_for_an_invalid_order_shows_what_is_valid(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_order(written)
