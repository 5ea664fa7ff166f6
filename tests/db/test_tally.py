"""The tally agrees with the files, with concurrent writers and foldings."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select

from db import migration, schema
from db.database import Database
from db.operations import retry
from db.query.status import all_statuses, batch_status
from db.tables import tally
from db.tally import fold, fold_within
from testbed.records import (
    BROKEN,
    LATERAL,
    START,
    claim,
    measure_all,
    measured,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)
from testbed.tables import rows
from testbed.tally import check_tally


def entries(db: Database) -> int:
    with db.read() as connection:
        return connection.execute(select(func.count()).select_from(tally)).scalar_one()


def test_a_submission_of_thousands_leaves_few_entries(database: Database) -> None:
    for first in range(0, 3000, 1000):
        submit(database, [seen(number) for number in range(first, first + 1000)])
    assert entries(database) < 500
    assert batch_status(database, "night").queued == 3000
    check_tally(database)


def test_folding_does_not_change_the_sums(database: Database) -> None:
    submit(database, [*(seen(n) for n in range(700)), refused("x"), refused("y", LATERAL)])
    for number, chunk_id in enumerate(send(database)):
        at = START + timedelta(seconds=number)
        taken = claim(database, chunk_id, now=at)
        one, *others = taken.jobs
        outcomes = [refusing(one, BROKEN), *(measured(each) for each in others)]
        store(database, taken, outcomes, now=at)
    retry(database, "night", ["truncated-file"], 4)
    before = all_statuses(database)
    assert entries(database) > 500

    assert fold(database) < 20

    assert all_statuses(database) == before
    assert before[0].last_settled_at == START + timedelta(seconds=174)
    check_tally(database)
    left = entries(database)
    assert left == fold(database) < 20  # few entries are not folded


def test_concurrent_writing_and_folding_keep_the_sums(
    database_url: str, database: Database
) -> None:
    submit(database, [seen(number) for number in range(400)], chunk_size=2)
    chunks = send(database)
    over = threading.Event()
    faults: list[BaseException] = []

    def work(some: list[int]) -> None:
        own = Database.open(database_url)
        try:
            for chunk_id in some:
                taken = claim(own, chunk_id)
                store(own, taken, [measured(each) for each in taken.jobs])
        except BaseException as exc:  # noqa: BLE001 - told below
            faults.append(exc)
        finally:
            own.dispose()

    def keep_folding() -> None:
        own = Database.open(database_url)
        try:
            while not over.is_set():
                with own.write() as connection:
                    fold_within(connection, few=2)
        except BaseException as exc:  # noqa: BLE001 - told below
            faults.append(exc)
        finally:
            own.dispose()

    workers = [threading.Thread(target=work, args=(chunks[n::3],)) for n in range(3)]
    folders = [threading.Thread(target=keep_folding) for _ in range(2)]
    for thread in (*workers, *folders):
        thread.start()
    for thread in workers:
        thread.join()
    over.set()
    for thread in folders:
        thread.join()
    assert faults == []
    assert batch_status(database, "night").measured == 400
    check_tally(database)


def test_an_upgrade_counts_existing_files(database: Database, database_url: str) -> None:
    submit(database, [*(seen(n) for n in range(9)), seen(1, path="/copy"), refused("x")])
    measure_all(database)
    submit(database, [seen(20), seen(21)], name="other")
    before = all_statuses(database)
    database.dispose()
    migration.downgrade(database_url, "0003")
    schema.upgrade(database_url)
    assert all_statuses(database) == before
    check_tally(database)
    measure_all(database)
    check_tally(database)


def test_the_tests_detect_a_wrong_tally(database: Database) -> None:
    submit(database, [seen(1)])
    check_tally(database)
    with database.write() as connection:
        connection.execute(delete(tally))
    assert rows(database, tally) == []
    with pytest.raises(AssertionError, match="night"):
        check_tally(database)
