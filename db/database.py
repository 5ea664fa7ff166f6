"""A database that is open: one transaction a ``with`` block, one kind of error."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import (
    SQLITE_BUSY,
    SQLITE_CANTOPEN,
    SQLITE_CORRUPT,
    SQLITE_ERROR,
    SQLITE_LOCKED,
    SQLITE_NOTADB,
)
from sqlite3 import Connection as SqliteConnection
from sqlite3 import OperationalError as SqliteOperationalError
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Table,
    create_engine,
    event,
    exc,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from db.errors import (
    DatabaseAway,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseRefused,
    DatabaseUrlInvalid,
    SchemaOutdated,
)

_BUSY_TIMEOUT_MS = 30_000
_CONNECT_TIMEOUT_SECONDS = 10
#: Values bound in one IN list; SQLite takes 32766, PostgreSQL 65535.
_PIECE = 1000

T = TypeVar("T")

#: A row whose columns a query of ours names; mypy loses them on the way between functions.
AnyRow = Row[*tuple[Any, ...]]


class Database:
    """One process's way to the database; threads share it, a forked child gets new connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(thoraq_writing=True)
        self._pid = os.getpid()

    @classmethod
    def open(cls, url: str) -> Database:
        """Take the database at ``url``; the first transaction connects.

        Raises DatabaseUrlInvalid: neither SQLite nor PostgreSQL.
        """
        return cls(engine_of(url))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writing transaction: committed at the end, rolled back by any exception."""
        self._leave_parent()
        with translated(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One reading transaction, which never waits for a writer."""
        self._leave_parent()
        with translated(), self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close every connection; a later transaction opens new ones."""
        self._engine.dispose()

    def _leave_parent(self) -> None:
        # A connection used by parent and child at once mixes their statements.
        if os.getpid() != self._pid:
            self._engine.dispose(close=False)
            self._pid = os.getpid()


def engine_of(url: str, *, foreign_keys: bool = True) -> Engine:
    """SQLAlchemy's engine with thoraq's ways of beginning, waiting and hiding values."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend not in {"sqlite", "postgresql"}:
            raise DatabaseUrlInvalid(
                f"{backend} is not supported: give sqlite:/// or postgresql://"
            )
        arguments: dict[str, object] = {}
        if backend == "postgresql":
            arguments = {
                "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
                "application_name": "thoraq",
                # A plan that was prepared while a table was empty reads all of it ever after.
                "prepare_threshold": None,
                # A half-open connection is noticed within a minute.
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
                "tcp_user_timeout": 60_000,
            }
        engine = create_engine(
            parsed,
            connect_args=arguments,
            pool_pre_ping=backend == "postgresql",
            hide_parameters=True,  # they hold patients' identifiers
            json_serializer=_compact_json,
        )
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        raise DatabaseUrlInvalid("no database URL: give sqlite:/// or postgresql://") from error
    if backend == "sqlite":
        _prepare_sqlite(engine, foreign_keys=foreign_keys)
    return engine


def _compact_json(value: object) -> str:
    """Write plain values as JSON. Raises ValueError for a number that is none."""
    if isinstance(value, list):
        # A film's points take ten times as long by the standard library: a third of storing it.
        with suppress(PydanticSerializationError):
            text = to_json(value, inf_nan_mode="constants").decode()
            if "N" not in text and "I" not in text:  # NaN, Infinity, or a text: for the strict one
                return text
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


@contextmanager
def asking(url: str) -> Iterator[Connection]:
    """One reading transaction over a connection of its own."""
    engine = engine_of(url)
    try:
        with translated(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite database; None where there is none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database))


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    """Make SQLite begin where we begin.

    Python's driver begins only before INSERT, UPDATE and DELETE, so that two processes could
    both select a row and then both take it. ``isolation_level = None`` leaves BEGIN to us: the
    recipe of SQLAlchemy's page on SQLite transactions.
    """

    @event.listens_for(engine, "connect")
    def on_connect(connection: SqliteConnection, record: object) -> None:
        del record
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("thoraq_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


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


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLAlchemy's errors into those of db.errors."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise _translation(error) from error
    except (OverflowError, UnicodeError) as error:  # which drivers raise of values, as they are
        raise DatabaseRefused("a value that no column holds: please report it") from error


def _translation(error: exc.SQLAlchemyError) -> DatabaseError:
    original = getattr(error, "orig", None)
    # The first line alone: the lines below it hold the values of the row.
    said = (str(original or type(error).__name__).splitlines() or [""])[0]
    sqlstate = getattr(original, "sqlstate", None) or ""
    sqlite_code = getattr(original, "sqlite_errorcode", 0) & 0xFF  # extended codes lie above
    if sqlstate in {"42P01", "42703"} or said.startswith(("no such table", "no such column")):
        return SchemaOutdated(f"{said}: run `thoraq db upgrade`")
    if (
        isinstance(error, exc.TimeoutError)
        or sqlstate == "55P03"  # lock not available
        or sqlstate.startswith("40")  # deadlock, serialisation
        or sqlite_code in {SQLITE_BUSY, SQLITE_LOCKED}
    ):
        return DatabaseBusy(f"{said}: run the same command again")
    if sqlite_code in {SQLITE_CORRUPT, SQLITE_NOTADB}:
        return DatabaseBroken(f"{said}: restore a copy with --replace, or move the file away")
    if sqlite_code == SQLITE_CANTOPEN:
        return DatabaseAway(
            f"{said}: `thoraq process` or `up` makes one; --state or THORAQ_STATE names another"
            " state folder, and `thoraq doctor` looks at it"
        )
    away = isinstance(error, (exc.OperationalError, exc.InterfaceError))
    # 54: more than the server takes, such as a long text in an index. SQLITE_ERROR: a fault in a
    # statement.
    if away and sqlite_code != SQLITE_ERROR and not sqlstate.startswith("54"):
        return DatabaseAway(f"{said}: see `thoraq doctor`, then run the same command again")
    return DatabaseRefused(f"{said}: this is a fault of thoraq, please report it")


def moment(connection: Connection, now: datetime | None) -> datetime:
    """Tell the time by the database's clock, which many machines share, where none is given."""
    if now is not None:
        return now
    if connection.dialect.name == "postgresql":
        clock: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return clock.astimezone(UTC)
    return datetime.now(UTC)


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """INSERT with the database's own ON CONFLICT, which both spell alike."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def pieces(items: Sequence[T], size: int = _PIECE) -> Iterator[Sequence[T]]:
    """Cut ``items`` into runs of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
