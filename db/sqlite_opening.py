"""Opening a SQLite file for reading when the file, its folder or its disk is read-only.

To read a file with a write-ahead log SQLite creates an index next to it. Where it cannot, the file
is read without the log, unless the log has entries.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from db.address import forbidden

#: Key under which a connection stores why it is read-only.
REFUSED = "thoraq_refused"

_NO_INDEX = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_READONLY_DIRECTORY,
    sqlite3.SQLITE_READONLY_CANTINIT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_FULL,
}


def open_connection(
    path: Path | None,
    connect: Callable[[], sqlite3.Connection],
    prepare: Callable[[sqlite3.Connection], None],
) -> tuple[sqlite3.Connection, sqlite3.Error | None]:
    """Open a file; return the connection, and the error if it is read-only.

    Raises DatabaseForbidden, and what ``connect`` and ``prepare`` do.
    """
    connection = None
    try:
        connection = connect()
        prepare(connection)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        refused = isinstance(error, sqlite3.OperationalError)
        if path is None or not refused or error.sqlite_errorcode not in _NO_INDEX:
            raise
        if _is_closed(path):
            raise forbidden(path) from error
        if not path.is_file() or _has_log(path):
            raise
        return _alone(path), error
    return connection, None


def _alone(path: Path) -> sqlite3.Connection:
    name = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)


def _has_log(path: Path) -> bool:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _is_closed(path: Path) -> bool:
    """Return whether this user may not open or create the file."""
    try:
        if path.exists():
            return not os.access(path, os.R_OK)
        return path.parent.exists() and not os.access(path.parent, os.W_OK | os.X_OK)
    except PermissionError:
        return True
