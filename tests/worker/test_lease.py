"""A lease is kept while its worker lives, and a worker past its lease goes on with nothing."""

from __future__ import annotations

import time

import pytest

from db.claims import claim_chunk, renew_lease
from db.database import Database
from db.errors import DatabaseAway
from db.outbox import unsent_chunks
from db.recovery import recover_stalled
from testbed.patience import eventually
from testbed.records import seen, submit
from worker.errors import LeaseLost
from worker.lease import Lease


def claimed(database: Database, seconds: float) -> str:
    """Claim the next chunk by the clock of the database; return the owner's token."""
    taken = claim_chunk(database, unsent_chunks(database, 1)[0].chunk_id, "cpu0@host", seconds)
    assert taken is not None
    return taken.owner


@pytest.fixture
def database(sqlite_url: str) -> Database:
    """Give a database with two chunks that wait."""
    opened = Database.open(sqlite_url)
    submit(opened, [seen(number) for number in range(8)], chunk_size=4)
    return opened


def lease_of(database: Database, owner: str, seconds: float) -> Lease:
    return Lease(lambda: renew_lease(database, owner, seconds) > 0, seconds)


def test_a_worker_that_lives_keeps_its_work_beyond_its_lease(database: Database) -> None:
    owner = claimed(database, 0.8)
    with lease_of(database, owner, 0.8) as lease:
        time.sleep(1.6)
        assert recover_stalled(database, 900).expired == 0
        lease.check()
    time.sleep(0.9)
    assert recover_stalled(database, 900).expired == 4


def test_a_worker_that_wakes_up_past_its_lease_asks_before_it_goes_on(database: Database) -> None:
    owner = claimed(database, 0.2)
    # A process that was stopped: its heartbeat has not woken up yet.
    lease = lease_of(database, owner, 0.2)
    lease.check()
    time.sleep(0.3)
    assert recover_stalled(database, 900).expired == 4
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_worker_past_its_lease_whose_work_nobody_took_goes_on(database: Database) -> None:
    owner = claimed(database, 0.2)
    lease = lease_of(database, owner, 0.2)
    time.sleep(0.3)
    lease.check()
    assert renew_lease(database, owner, 60.0) == 4


def test_a_worker_hears_from_its_heartbeat_that_others_have_its_work(database: Database) -> None:
    owner = claimed(database, 0.0)
    assert recover_stalled(database, 900).expired == 4
    with lease_of(database, owner, 0.06) as lease:

        def lost() -> bool:
            try:
                lease.check()
            except LeaseLost:
                return True
            return False

        assert eventually(lost, seconds=10)


def test_a_database_that_is_away_costs_no_lease() -> None:
    asked: list[float] = []

    def renew() -> bool:
        asked.append(time.monotonic())
        raise DatabaseAway

    with Lease(renew, 0.2) as lease:
        assert eventually(lambda: len(asked) > 2, seconds=5)
        lease.check()
