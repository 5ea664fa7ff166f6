"""SQLAlchemy's engine: how connections begin transactions, wait for locks and hide values."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED
from sqlite3 import Connection as SqliteConnection
from sqlite3 import OperationalError as SqliteOperationalError
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import (
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    exc,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from db.address import existing_only, parse_url, path_of
from db.dialect_paths import archive_at
from db.errors import DatabaseUrlInvalid
from db.sqlite_opening import REFUSED, open_connection
from db.translation import READ_ONLY_STATE, translated

_BUSY_TIMEOUT_MS = 30_000
_CONNECT_TIMEOUT_SECONDS = 10
#: Either end closes a PostgreSQL connection after half a minute of silence: the first probe is sent
#: after 10 s, then one every 5 s, four in all.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_UNANSWERED_MS = 30_000


def engine_of(url: str, *, foreign_keys: bool = True, make: bool = False) -> Engine:
    """Return SQLAlchemy's engine for ``url``, configured for thoraq.

    ``make``: connecting creates a missing SQLite file.
    """
    try:
        parsed = parse_url(url)
        backend = parsed.get_backend_name()
        arguments: dict[str, object] = {}
        if backend == "postgresql":
            arguments = {
                "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
                "application_name": "thoraq",
                # A plan prepared while a table was empty would scan all of it from then on.
                "prepare_threshold": None,
                **_KEEPALIVES,
                "tcp_user_timeout": _UNANSWERED_MS,
            }
        engine = create_engine(
            parsed if make or backend != "sqlite" else existing_only(parsed),
            connect_args=arguments,
            pool_pre_ping=backend == "postgresql",
            hide_parameters=True,  # they include patients' identifiers
            json_serializer=_compact_json,
        )
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise DatabaseUrlInvalid("not a database URL: give sqlite:/// or postgresql://") from error
    if backend == "sqlite":
        _prepare_sqlite(engine, path_of(parsed), foreign_keys=foreign_keys)
    else:
        _leave_read_only(engine)
        _miss_vanished_clients(engine)
    return engine


@contextmanager
def read_once(url: str) -> Iterator[Connection]:
    """Run a reading transaction on a connection of its own."""
    engine = engine_of(url)
    try:
        with translated(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _compact_json(value: object) -> str:
    """Return plain values as JSON. Raises ValueError for NaN and infinity."""
    if isinstance(value, list):
        # The standard library takes ten times as long for a radiograph's points: a third of the
        # time to store it.
        with suppress(PydanticSerializationError):
            text = to_json(value, inf_nan_mode="constants").decode()
            if "N" not in text and "I" not in text:  # NaN, Infinity or a string: see below
                return text
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _leave_read_only(engine: Engine) -> None:
    """Discard all pooled connections once the server turns out to be read-only.

    After a failover the former primary may continue as a standby: its connections work, and would
    stay in the pool. A new connection looks for a writable server among those in the URL.
    """

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY_STATE:
            context.is_disconnect = True  # makes SQLAlchemy discard the whole pool


def _miss_vanished_clients(engine: Engine) -> None:
    """Set the server to close the connections of a machine that lost power or network.

    Such a machine closes nothing. By default the server waits two hours for it and keeps its locks:
    its jobs are not requeued, and an upgrade waits.
    """
    limits = {f"tcp_{name}": value for name, value in _KEEPALIVES.items()}
    limits["tcp_user_timeout"] = _UNANSWERED_MS
    statement = "; ".join(f"SET {name} = {value}" for name, value in limits.items())

    @event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, record: object) -> None:
        del record
        try:
            connection.cursor().execute(statement)
            connection.commit()
        except BaseException:  # not in the pool yet, which would close it
            connection.close()
            raise


def _prepare_sqlite(engine: Engine, path: Path | None, *, foreign_keys: bool) -> None:
    """Begin SQLite transactions explicitly, and set each connection up.

    Python's driver begins one only before INSERT, UPDATE and DELETE, so that two processes could
    both select a row and then both claim it. ``isolation_level = None`` leaves BEGIN to us, as
    described in SQLAlchemy's documentation of SQLite transactions.
    """

    @event.listens_for(engine, "do_connect")
    def do_connect(
        dialect: Dialect, record: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]
    ) -> SqliteConnection:
        def connect() -> SqliteConnection:
            made: Any = dialect.connect(*arguments, **options)
            made.isolation_level = None
            made.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
            return cast("SqliteConnection", made)

        found, refused = open_connection(path, connect, _write_ahead)
        record.info[REFUSED] = refused
        return found

    @event.listens_for(engine, "checkin")
    def on_checkin(connection: SqliteConnection | None, record: ConnectionPoolEntry) -> None:
        del connection
        if record.info.get(REFUSED) is not None:
            record.invalidate()  # immutable: it would not see what others write

    @event.listens_for(engine, "connect")
    def on_connect(connection: SqliteConnection, record: object) -> None:
        del record
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        _leave_no_path(connection, engine.dialect)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return  # for VACUUM, which cannot run in a transaction
        writing = options.get("thoraq_writing", False)
        if writing and (refused := connection.info.get(REFUSED)) is not None:
            raise exc.OperationalError(None, None, refused)
        patience_ms = options.get("thoraq_patience_ms", _BUSY_TIMEOUT_MS)
        if patience_ms == _BUSY_TIMEOUT_MS:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience_ms:d}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")


def _leave_no_path(connection: SqliteConnection, dialect: Dialect) -> None:
    """Overwrite replaced and deleted data with zeros if paths are not to be kept."""
    if archive_at(dialect).hashes:
        connection.execute("PRAGMA secure_delete = ON")


def _write_ahead(connection: SqliteConnection) -> None:
    """Switch a new file to a write-ahead log.

    Processes that open it at the same moment may all hold a shared lock while each needs an
    exclusive one; SQLite then fails at once, despite the busy timeout, so we wait ourselves.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except SqliteOperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in {SQLITE_BUSY, SQLITE_LOCKED}
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
