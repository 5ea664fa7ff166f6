"""Removing the remains of deleted rows from the database's files."""

from __future__ import annotations

from db.address import sqlite_path
from db.engine import engine_of
from db.tables import metadata
from db.translation import translated

#: Largest SQLite file that is rewritten without a request, bytes: it takes a few seconds, during
#: which nobody else can write.
SMALL_BYTES = 512 << 20


def is_small(url: str) -> bool:
    """Return whether a database can be rewritten while others wait."""
    path = sqlite_path(url)
    return path is None or not path.exists() or path.stat().st_size <= SMALL_BYTES


def rewrite(url: str) -> bool:
    """Remove the remains of deleted rows from the files; False: readers keep SQLite's log in use.

    SQLite rewrites its file and empties the log; nobody else can write meanwhile. PostgreSQL
    vacuums the tables, while others work, and reuses the space for new rows; for tables that are
    not ours it only issues a warning. Raises DatabaseError.
    """
    engine = engine_of(url).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with translated(), engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("VACUUM " + ", ".join(sorted(metadata.tables)))
                return True
            connection.exec_driver_sql("VACUUM")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            return not busy
    finally:
        engine.dispose()
