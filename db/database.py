"""An open database: one transaction per ``with`` block, errors as DatabaseError."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from db.archive import Archive
from db.dialect_paths import keep_archive
from db.engine import engine_of
from db.schema import require_head
from db.translation import translated

#: Values bound in one IN list; SQLite takes 32766, PostgreSQL 65535.
_PIECE = 1000

#: PostgreSQL ends a transaction that is idle for so long, of a process that hangs, with its locks.
_IDLE_MS = 60_000

T = TypeVar("T")

#: A row of one of our queries; mypy cannot keep its columns across functions.
AnyRow = Row[*tuple[Any, ...]]


class Database:
    """A process's connections to the database; threads share it, a forked child gets new ones.

    Each transaction raises SchemaOutdated or SchemaNewer if the database has another schema.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(thoraq_writing=True)
        self._pid = os.getpid()

    @classmethod
    def open(cls, url: str, archive: Archive | None = None) -> Database:
        """Return the database at ``url``; the first transaction connects.

        ``archive``: how paths are stored; None: absolute.
        Raises DatabaseUrlInvalid: neither SQLite nor PostgreSQL.
        """
        engine = engine_of(url)
        if archive is not None:
            keep_archive(engine.dialect, archive)
        return cls(engine)

    @contextmanager
    def write(self, *, patience_ms: int | None = None) -> Iterator[Connection]:
        """Run a writing transaction: committed at the end, rolled back by any exception.

        ``patience_ms``: how long it waits for SQLite's other writers; DatabaseBusy after that.
        """
        self._leave_parent()
        writing = self._writing
        if patience_ms is not None:
            writing = writing.execution_options(thoraq_patience_ms=patience_ms)
        with translated(), writing.begin() as connection:
            require_head(connection)
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(
                    f"SET LOCAL idle_in_transaction_session_timeout = {_IDLE_MS}"
                )
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a reading transaction, which never waits for a writer."""
        self._leave_parent()
        with translated(), self._engine.begin() as connection:
            require_head(connection)
            yield connection

    def dispose(self) -> None:
        """Close every connection; a later transaction opens new ones."""
        self._engine.dispose()

    def _leave_parent(self) -> None:
        # A connection shared by parent and child would mix up their statements.
        if os.getpid() != self._pid:
            self._engine.dispose(close=False)
            self._pid = os.getpid()


def moment(connection: Connection, now: datetime | None) -> datetime:
    """Return ``now``, or if None the time of the database, whose clock all machines share."""
    if now is not None:
        return now
    if connection.dialect.name == "postgresql":
        clock: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return clock.astimezone(UTC)
    return datetime.now(UTC)


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return the dialect's INSERT, with ON CONFLICT, which is the same on both."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def pieces(items: Sequence[T], size: int = _PIECE) -> Iterator[Sequence[T]]:
    """Yield ``items`` in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
