"""The room that removed rows leave in the database's files, and what could still be read there."""

from __future__ import annotations

from db.address import sqlite_path
from db.engine import engine_of
from db.tables import metadata
from db.translation import translated

#: A SQLite file that is rewritten without being asked to: this many bytes take a few seconds, in
#: which nobody else writes.
SMALL_BYTES = 512 << 20


def is_small(url: str) -> bool:
    """Whether a database can be rewritten while others wait."""
    path = sqlite_path(url)
    return path is None or not path.exists() or path.stat().st_size <= SMALL_BYTES


def rewrite(url: str) -> bool:
    """Have no remains of removed rows in the files; False: readers keep SQLite's log in use.

    SQLite writes its file anew and empties the log; nobody else writes meanwhile. PostgreSQL
    vacuums the tables, beside other work, and writes over the room with the next rows; of tables
    that are not ours it only warns. Raises DatabaseError.
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
