"""Read-only databases are reported, transient, and replaced by a writable server."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from db import schema
from db.access import read_only_reason
from db.backup.copies import back_up
from db.database import Database
from db.errors import (
    DatabaseAway,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseDiskFails,
    DatabaseError,
    DatabaseFull,
    DatabaseLoginFails,
    DatabaseReadOnly,
)
from db.intake import open_batch
from db.query.status import all_statuses
from db.states import Priority
from db.tables import batch
from testbed.servers.postgres import PostgresServer, replicated
from testbed.tables import rows


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer, str]]:
    """Return a primary, its standby, and the URL of a database on the writable one."""
    with replicated(schema.upgrade) as made:
        yield made


def test_after_a_failover_a_process_switches_to_the_new_primary(
    pair: tuple[PostgresServer, PostgresServer, str], tmp_path: Path
) -> None:
    primary, standby, url = pair
    db, alone = Database.open(url), Database.open(standby.same_database(url))
    open_batch(db, "before", Priority.ROUTINE)
    together = threading.Barrier(3)

    def hold() -> None:
        with db.read():
            together.wait(10)

    holding = [threading.Thread(target=hold) for _ in range(2)]
    for each in holding:
        each.start()
    together.wait(10)  # now the pool has several connections to the primary
    for each in holding:
        each.join()
    assert back_up(url, tmp_path / "copy").batches == 1

    with pytest.raises(DatabaseReadOnly, match="target_session_attrs") as raised:
        open_batch(alone, "night", Priority.ROUTINE)
    assert not raised.value.permanent
    assert [each.batch.name for each in all_statuses(alone)] == ["before"]  # it is readable
    assert "standby" in str(read_only_reason(standby.same_database(url)))
    assert read_only_reason(url) is None

    primary.configure("default_transaction_read_only", "on")
    assert "read-only" in str(read_only_reason(primary.same_database(url)))
    with pytest.raises(DatabaseReadOnly):  # a pooled connection
        open_batch(db, "night", Priority.ROUTINE)
    with pytest.raises(DatabaseReadOnly):  # a new one: neither server is writable
        open_batch(db, "night", Priority.ROUTINE)

    standby.promote()  # the former primary keeps running
    assert open_batch(db, "after", Priority.ROUTINE).name == "after"
    assert [each.name for each in rows(db, batch)] == ["before", "after"]
    db.dispose()
    alone.dispose()


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("25006", DatabaseReadOnly),
        ("57P01", DatabaseAway),  # the server is stopped
        ("57P02", DatabaseAway),  # it crashed
        ("57P03", DatabaseAway),  # it starts
        ("57P05", DatabaseAway),
        ("53300", DatabaseAway),  # too many connections
        ("53200", DatabaseAway),
        ("53100", DatabaseFull),
        ("58030", DatabaseDiskFails),
        ("58000", DatabaseAway),
        ("58P01", DatabaseAway),
        ("08006", DatabaseAway),
        ("08P01", DatabaseAway),
        ("25P03", DatabaseAway),  # idle for too long in a transaction
        ("25P04", DatabaseAway),
        ("40001", DatabaseBusy),  # a standby's replay conflicts with it
        ("40P01", DatabaseBusy),
        ("55P03", DatabaseBusy),
        ("XX001", DatabaseBroken),
        ("XX002", DatabaseBroken),
        ("42501", DatabaseLoginFails),  # a table that was restored without its grants
        ("28000", DatabaseLoginFails),
    ],
)
def test_conditions_that_end_by_themselves_are_transient_errors(
    postgres_url: str, sqlstate: str, kind: type[DatabaseError]
) -> None:
    db = Database.open(postgres_url)
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'told' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(DatabaseError, match="told: ") as raised, db.write() as connection:
        connection.execute(text(statement))
    assert type(raised.value) is kind
    assert raised.value.permanent is (kind in {DatabaseBroken, DatabaseLoginFails})
    assert raised.value.awaited is (kind is not DatabaseBroken)
    assert "fault of thoraq" not in str(raised.value)
    assert all_statuses(db) == []
    db.dispose()


def test_a_read_only_sqlite_file_is_reported_and_can_be_read(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    whole = Database.open(sqlite_url)
    open_batch(whole, "before", Priority.ROUTINE)
    db = Database.open(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(DatabaseReadOnly, match="read-only") as raised:
        open_batch(db, "night", Priority.ROUTINE)
    assert not raised.value.permanent
    assert [each.batch.name for each in all_statuses(db)] == ["before"]
    for each in (whole, db):
        each.dispose()


def test_a_sqlite_file_that_cannot_grow_is_reported_as_full(sqlite_url: str) -> None:
    db = Database.open(sqlite_url)

    def fill() -> None:
        insert = "INSERT INTO audit (at, who, action, details) VALUES ('2026', 'a', 'b', :details)"
        with db.write() as connection:
            connection.execute(text("PRAGMA max_page_count = 1"))  # as many as it has
            for _ in range(500):
                connection.execute(text(insert), {"details": "x" * 1000})

    with pytest.raises(DatabaseFull, match="free some space") as raised:
        fill()
    assert not raised.value.permanent
    db.dispose()
    assert open_batch(db, "night", Priority.ROUTINE).name == "night"
    db.dispose()


def test_a_failing_disk_is_reported_for_sqlite(sqlite_url: str) -> None:
    db = Database.open(sqlite_url)
    open_batch(db, "before", Priority.ROUTINE)
    with limited_files(), pytest.raises(DatabaseDiskFails) as raised:
        open_batch(db, "x" * 100_000, Priority.ROUTINE)
    assert not raised.value.permanent
    assert open_batch(db, "after", Priority.ROUTINE).name == "after"
    assert [each.name for each in rows(db, batch)] == ["before", "after"]
    db.dispose()


@contextmanager
def limited_files() -> Iterator[None]:
    """Keep files of this process from growing, like a failing disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
