"""SQLAlchemy's engine: how a connection to either database begins, waits and hides values."""

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
#: Either end of a connection to PostgreSQL ends it once the other was silent for half a minute:
#: asked after 10 s, and every 5 s from then on, four times.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_UNANSWERED_MS = 30_000


def engine_of(url: str, *, foreign_keys: bool = True, make: bool = False) -> Engine:
    """SQLAlchemy's engine with thoraq's ways of beginning, waiting and hiding values.

    ``make``: where there is no SQLite file, connecting makes one.
    """
    try:
        parsed = parse_url(url)
        backend = parsed.get_backend_name()
        arguments: dict[str, object] = {}
        if backend == "postgresql":
            arguments = {
                "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
                "application_name": "thoraq",
                # A plan that was prepared while a table was empty reads all of it ever after.
                "prepare_threshold": None,
                **_KEEPALIVES,
                "tcp_user_timeout": _UNANSWERED_MS,
            }
        engine = create_engine(
            parsed if make or backend != "sqlite" else existing_only(parsed),
            connect_args=arguments,
            pool_pre_ping=backend == "postgresql",
            hide_parameters=True,  # they hold patients' identifiers
            json_serializer=_compact_json,
        )
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise DatabaseUrlInvalid("no database URL: give sqlite:/// or postgresql://") from error
    if backend == "sqlite":
        _prepare_sqlite(engine, path_of(parsed), foreign_keys=foreign_keys)
    else:
        _leave_read_only(engine)
        _miss_vanished_clients(engine)
    return engine


@contextmanager
def read_once(url: str) -> Iterator[Connection]:
    """One reading transaction over a connection of its own."""
    engine = engine_of(url)
    try:
        with translated(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _compact_json(value: object) -> str:
    """Write plain values as JSON. Raises ValueError for a number that is none."""
    if isinstance(value, list):
        # A film's points take ten times as long by the standard library: a third of storing it.
        with suppress(PydanticSerializationError):
            text = to_json(value, inf_nan_mode="constants").decode()
            if "N" not in text and "I" not in text:  # NaN, Infinity, or a text: for the strict one
                return text
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _leave_read_only(engine: Engine) -> None:
    """Throw away every pooled connection once the server turns out to be read only.

    After a failover the former primary may live on as a standby: its connections work, and would
    be handed out for ever. A new one asks the URL's servers anew which of them takes writes.
    """

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY_STATE:
            context.is_disconnect = True  # so that SQLAlchemy drops the pool too


def _miss_vanished_clients(engine: Engine) -> None:
    """Have the server end the connections of a machine that vanished.

    A machine without power or network says no goodbye. The server waits two hours for it by
    default, and all that time what it had locked is locked: its jobs are never brought back, and
    an upgrade waits.
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
        except BaseException:  # it is not in the pool yet, which would close it
            connection.close()
            raise


def _prepare_sqlite(engine: Engine, path: Path | None, *, foreign_keys: bool) -> None:
    """Make SQLite begin where we begin.

    Python's driver begins only before INSERT, UPDATE and DELETE, so that two processes could
    both select a row and then both take it. ``isolation_level = None`` leaves BEGIN to us: the
    recipe of SQLAlchemy's page on SQLite transactions.
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
            record.invalidate()  # it would see nothing that others write

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
            return  # VACUUM, which no transaction may hold
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
    """Have what is replaced or deleted overwritten where paths are not to be kept."""
    if archive_at(dialect).hashes:
        connection.execute("PRAGMA secure_delete = ON")


def _write_ahead(connection: SqliteConnection) -> None:
    """Change a new file to a write-ahead log.

    Processes that open it at the same instant may all hold it for reading while each wants it for
    itself; SQLite then refuses at once, busy timeout or not, so the wait is ours.
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
