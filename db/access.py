"""Whether the database accepts writes, found out without writing."""

from __future__ import annotations

import os

from db.address import is_made, sqlite_path
from db.engine import read_once
from db.errors import DatabaseAway

_ASK_SERVER = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"


def read_only_reason(url: str) -> str | None:
    """Return why the database is read-only; None: it is writable, or does not exist yet.

    Raises DatabaseError.
    """
    path = sqlite_path(url)
    if path is not None:
        # SQLite writes its log beside the file.
        for each in (path, path.parent):
            if is_made(each) and not os.access(each, os.W_OK):
                return f"{each} is not writable"
        return None
    with read_once(url) as connection:
        if connection.dialect.name != "postgresql":
            return None
        standby, read_only = connection.exec_driver_sql(_ASK_SERVER).one()
    if standby:
        return "the server is a standby, which accepts no writes"
    return "the server is read-only: default_transaction_read_only is on" if read_only else None


def check_made(url: str) -> None:
    """Refuse a SQLite database that does not exist yet: opening it would create an empty file.

    Raises DatabaseAway.
    """
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise DatabaseAway(f"{path} does not exist: `thoraq process`, `up` or `submit` creates it")
