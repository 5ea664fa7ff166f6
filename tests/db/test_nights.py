"""Sums over a batch's night agree with its results, on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from db.database import Database
from db.query.night_records import BINNINGS, Binning
from db.query.nights import distribution, endings_over_time, measured_by
from db.query.status import batch_status
from radiograph.records import View
from testbed.records import (
    BROKEN,
    MODEL,
    START,
    claim,
    measured,
    measurement,
    refusing,
    seen,
    send,
    store,
    submit,
)

INDEX = BINNINGS[0]


def fill(db: Database, indices: list[float | None], name: str = "night", first: int = 1) -> int:
    """Measure a file per index, one every ten seconds, PA and AP in turn; return the batch's id."""
    numbers = range(first, first + len(indices))
    batch = submit(db, [seen(number) for number in numbers], name=name, chunk_size=1)
    for i, (chunk_id, index) in enumerate(zip(send(db), indices, strict=True)):
        at = START + timedelta(seconds=10 * i)
        taken = claim(db, chunk_id, now=at)
        view = View.AP if i % 2 else View.PA
        [job] = taken.jobs
        store(db, taken, [measured(job, measurement(ict=index), view=view)], now=at)
    return batch.id


def test_a_distribution_counts_the_results_by_view_and_bin(database: Database) -> None:
    indices = [0.401, 0.5, 0.404, 0.5, 0.4, None, 0.6249]
    batch_id = fill(database, indices)
    found = distribution(database, [batch_id], INDEX)
    assert found.of(View.PA) == {80: 2, 81: 1, 125: 1}
    assert found.of(View.AP) == {100: 2}
    assert sum(found.of().values()) == 6
    assert distribution(database, [batch_id], INDEX, MODEL) == found
    assert not distribution(database, [batch_id], INDEX, "another").of()
    assert not distribution(database, [], INDEX).of()


def test_values_outside_are_counted_at_the_ends(database: Database) -> None:
    batch_id = fill(database, [0.1, 0.9, 0.44])
    clipped = Binning("ict", 0.1, 0.4, 0.6)
    assert Counter(distribution(database, [batch_id], clipped).of()) == {4: 2, 6: 1}


def test_batches_are_summed_and_duplicates_counted_once(database: Database) -> None:
    first = fill(database, [0.5, 0.5])
    second = fill(database, [0.5], "second", 3)
    third = submit(database, [seen(1)], name="third").id
    assert distribution(database, [first, second], INDEX).of() == {100: 3}
    assert batch_status(database, "third").duplicates == 1
    assert not distribution(database, [third], INDEX).of()


def test_the_rate_counts_every_file_that_a_worker_ended(database: Database) -> None:
    batch = submit(database, [seen(number) for number in range(6)], chunk_size=2)
    for at, chunk_id in zip((0, 65, 190), send(database), strict=True):
        now = START + timedelta(seconds=at)
        one, other = (taken := claim(database, chunk_id, now=now)).jobs
        store(database, taken, [measured(one), refusing(other, BROKEN)], now=now)
    rate = endings_over_time(database, batch.id, 60)
    assert [(each.measured, each.others) for each in rate] == [(1, 1), (1, 1), (0, 0), (1, 1)]
    assert [each.start - START for each in rate] == [timedelta(minutes=i) for i in range(4)]
    assert endings_over_time(database, submit(database, [], name="empty").id, 60) == []


def test_networks_are_listed_with_their_results(database: Database) -> None:
    batch_id = fill(database, [0.5, 0.5, 0.5])
    [found] = measured_by(database, batch_id)
    assert (found.model, found.results, found.device) == (MODEL, 3, "cpu")
