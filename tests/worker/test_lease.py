"""A lease is renewed while its worker lives; after it expired the worker stops its jobs."""

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
    """Return a database with two waiting chunks."""
    opened = Database.open(sqlite_url)
    submit(opened, [seen(number) for number in range(8)], chunk_size=4)
    return opened


def lease_of(database: Database, owner: str, seconds: float) -> Lease:
    return Lease(lambda: renew_lease(database, owner, seconds) > 0, seconds)


def test_a_living_worker_keeps_its_jobs_beyond_the_lease(database: Database) -> None:
    owner = claimed(database, 0.8)
    with lease_of(database, owner, 0.8) as lease:
        time.sleep(1.6)
        assert recover_stalled(database, 900).expired == 0
        lease.check()
    time.sleep(0.9)
    assert recover_stalled(database, 900).expired == 4


def test_a_worker_resumed_after_its_lease_checks_it_first(database: Database) -> None:
    owner = claimed(database, 0.2)
    # As in a process that was suspended: its heartbeat has not resumed yet.
    lease = lease_of(database, owner, 0.2)
    lease.check()
    time.sleep(0.3)
    assert recover_stalled(database, 900).expired == 4
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_worker_with_an_expired_lease_continues_if_nobody_claimed_its_jobs(
    database: Database,
) -> None:
    owner = claimed(database, 0.2)
    lease = lease_of(database, owner, 0.2)
    time.sleep(0.3)
    lease.check()
    assert renew_lease(database, owner, 60.0) == 4


def test_the_heartbeat_reports_that_others_claimed_the_jobs(database: Database) -> None:
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


def test_an_unavailable_database_does_not_end_a_lease() -> None:
    asked: list[float] = []

    def renew() -> bool:
        asked.append(time.monotonic())
        raise DatabaseAway

    with Lease(renew, 0.2) as lease:
        assert eventually(lambda: len(asked) > 2, seconds=5)
        lease.check()
