"""Opening databases: transactions, several processes, and errors without secrets."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from db import engine as engine_module
from db.database import Database, moment
from db.engine import _compact_json
from db.errors import (
    DatabaseAway,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseRefused,
    DatabaseUrlInvalid,
)
from db.intake import open_batch
from db.query.status import all_statuses
from db.states import Priority
from db.tables import batch
from testbed.servers.postgres import PostgresServer
from testbed.tables import rows


def test_an_exception_leaves_nothing_behind(database: Database) -> None:
    def write_half() -> None:
        with database.write() as connection:
            row = {"name": "half", "priority": Priority.ROUTINE, "created_at": datetime.now(UTC)}
            connection.execute(batch.insert().values(row))
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert rows(database, batch) == []


def test_times_of_any_time_zone_are_stored_in_utc(database: Database) -> None:
    nepal = datetime(2026, 3, 1, 5, 45, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    opened = open_batch(database, "night", Priority.ROUTINE, now=nepal)
    assert opened.created_at == nepal
    assert opened.created_at.tzinfo is UTC


def test_a_time_without_a_time_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001 - what is refused
    with pytest.raises(DatabaseRefused):
        open_batch(database, "night", Priority.ROUTINE, now=naive)


def test_the_clock_is_the_databases(database: Database) -> None:
    with database.read() as connection:
        told = moment(connection, None)
        assert told.tzinfo is UTC
        assert moment(connection, told) is told
    assert abs(told - datetime.now(UTC)) < timedelta(hours=1)


def test_several_threads_write_to_one_database(database: Database) -> None:
    def write(start: int) -> None:
        for number in range(start, start + 25):
            open_batch(database, f"batch-{number}", Priority.ROUTINE)

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 15, 30, 45)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(rows(database, batch)) == 70


def test_a_reader_sees_one_moment_while_others_write(database: Database) -> None:
    open_batch(database, "one", Priority.ROUTINE)
    with database.read() as connection:
        before = connection.execute(text("SELECT count(*) FROM batch")).scalar_one()
        open_batch(database, "two", Priority.ROUTINE)
        assert before == 1
    assert len(all_statuses(database)) == 2


def test_a_forked_child_takes_its_own_connections(database: Database) -> None:
    open_batch(database, "parent", Priority.ROUTINE)
    child = os.fork()
    if child == 0:
        try:
            open_batch(database, "child", Priority.ROUTINE)
            database.dispose()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [row.name for row in rows(database, batch)] == ["parent", "child"]


def test_a_restarted_server_is_used_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    db = Database.open(postgres_url)
    open_batch(db, "before", Priority.ROUTINE)
    postgres_server.kill()
    try:
        with pytest.raises(DatabaseAway, match="thoraq doctor") as raised:
            all_statuses(db)
        assert not raised.value.permanent
    finally:
        postgres_server.start()
    assert [each.batch.name for each in all_statuses(db)] == ["before"]
    db.dispose()


def test_a_missing_folder_is_reported_as_an_unavailable_database(tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path / 'no' / 'where.db'}")
    with pytest.raises(DatabaseAway):
        all_statuses(db)


def test_a_file_that_is_not_a_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "thoraq.db"
    path.write_bytes(b"<html>" * 1000)
    db = Database.open(f"sqlite:///{path}")
    with pytest.raises(DatabaseBroken, match="restore"):
        all_statuses(db)
    db.dispose()


def test_a_writer_that_waits_too_long_gets_an_error(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_BUSY_TIMEOUT_MS", 50)
    first, second = Database.open(sqlite_url), Database.open(sqlite_url)
    with first.write():
        with pytest.raises(DatabaseBusy) as raised:
            open_batch(second, "night", Priority.ROUTINE)
        assert not raised.value.permanent
        assert all_statuses(second) == []  # readers do not wait
    assert open_batch(second, "night", Priority.ROUTINE).name == "night"
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("url", ["mysql://u@h/d", "nonsense", "oracle+x://h", ""])
def test_the_error_for_an_unsupported_url_shows_supported_ones(url: str) -> None:
    with pytest.raises(DatabaseUrlInvalid, match="sqlite:///"):
        Database.open(url)


def test_no_error_shows_a_value(database: Database) -> None:
    open_batch(database, "patient Ada Lovelace", Priority.ROUTINE)
    with pytest.raises(DatabaseRefused) as raised, database.write() as connection:
        connection.execute(
            batch.insert().values(
                name="patient Ada Lovelace", priority=Priority.ROUTINE, created_at=datetime.now(UTC)
            )
        )
    assert "Lovelace" not in str(raised.value)


def test_sqlite_is_configured_for_several_writers(sqlite_url: str) -> None:
    db = Database.open(sqlite_url)
    with db.read() as connection:
        asked = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        values = [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in asked]
    assert values == ["wal", 1, 30_000, 1]
    db.dispose()


@pytest.mark.parametrize(
    "value",
    [[[0.1, -2.5e-9], [1e300, 3]], [], ["Iris", "NaN", "\udce4\0é"], {"a": [1, None, True]}],
)
def test_json_values_are_read_as_they_were_stored(value: object) -> None:
    text = _compact_json(value)
    assert json.loads(text) == value
    assert ", " not in text


@pytest.mark.parametrize("value", [[float("nan")], [[0.0, float("inf")]], {"a": -float("inf")}])
def test_nan_and_infinity_are_not_stored_as_json(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        _compact_json(value)


def test_postgres_closes_connections_of_clients_that_vanished_or_hang(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    limits = {"tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count"}
    with db.read() as connection:
        # On a Unix socket SHOW returns 0: the values that were set are in pg_settings.
        statement = "SELECT name FROM pg_settings WHERE source = 'session' AND name LIKE 'tcp_%%'"
        told = set(connection.exec_driver_sql(statement).scalars())
        reading = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()
    with db.write() as connection:
        writing = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()
    db.dispose()
    assert told == limits | {"tcp_user_timeout"}
    assert (reading, writing) == ("0", "1min")  # a reader may wait while its output is read
