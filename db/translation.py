"""Translating errors of the database drivers into those of `db.errors`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from sqlite3 import (
    SQLITE_BUSY,
    SQLITE_CANTOPEN,
    SQLITE_CORRUPT,
    SQLITE_ERROR,
    SQLITE_FULL,
    SQLITE_IOERR,
    SQLITE_IOERR_SHMSIZE,
    SQLITE_LOCKED,
    SQLITE_NOTADB,
    SQLITE_READONLY,
)
from typing import TypeAlias

from sqlalchemy import exc

from db.errors import (
    DatabaseAway,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseDiskFails,
    DatabaseError,
    DatabaseFull,
    DatabaseLoginFails,
    DatabaseReadOnly,
    DatabaseRefused,
    SchemaOutdated,
)

#: The class of an error, and its remedy.
_Meaning: TypeAlias = tuple[type[DatabaseError], str]

#: PostgreSQL's read_only_sql_transaction, from a standby or a server that was demoted.
READ_ONLY_STATE = "25006"
#: PostgreSQL's foreign_key_violation, and the suffix of constraints that refer to batches.
_DANGLING, _TO_BATCH = "23503", "_batch"
#: libpq's messages, without SQLSTATE, if target_session_attrs finds no writable server.
_NO_PRIMARY = ("session is read-only", "server is in hot standby mode")

#: By parts of a server's message when it rejects a login, with a dot for a name, the remedy; there
#: is no SQLSTATE before a session begins.
_LOGIN = {
    "password authentication failed": "correct user and password in THORAQ_DATABASE_URL",
    "no password supplied": "give the password in THORAQ_DATABASE_URL or by PGPASSFILE",
    "role . does not exist": "create the user on the server, or correct it in THORAQ_DATABASE_URL",
    "role . is not permitted to log in": "let this user log in: ALTER ROLE ... LOGIN",
    "database . does not exist": (
        "create the database on the server, or correct its name in THORAQ_DATABASE_URL"
    ),
    "database . is not currently accepting connections": (
        "allow connections to it: ALTER DATABASE ... ALLOW_CONNECTIONS true"
    ),
    "permission denied for database": "let this user connect: GRANT CONNECT ON DATABASE ... TO ...",
    "pg_hba.conf": "allow this user, host and database in the server's pg_hba.conf",
    "authentication failed": "allow this user, host and database in the server's pg_hba.conf",
}

_AGAIN = "run the same command again"
_OUTDATED = (SchemaOutdated, "run `thoraq db upgrade`")
_BUSY = (DatabaseBusy, _AGAIN)
_AWAY = (
    DatabaseAway,
    f"start the server or correct THORAQ_DATABASE_URL, see `thoraq doctor`, then {_AGAIN}",
)
_STANDBY = (
    DatabaseReadOnly,
    (
        "the server is a standby or read-only, as during a failover; name every server in the URL,"
        " with target_session_attrs=read-write"
    ),
)
_RIGHTS = (
    DatabaseLoginFails,
    "let this user read and write thoraq's tables: make it their owner, or GRANT ALL",
)
_FULL = (DatabaseFull, DatabaseFull.remedy())
_DISK = (DatabaseDiskFails, DatabaseDiskFails.remedy())
_BROKEN = (DatabaseBroken, "restore a copy with --replace, or move the file away")
_FAULT = (DatabaseRefused, "this is a fault of thoraq, please report it")

_BY_STATE: Mapping[str, _Meaning] = {
    "42P01": _OUTDATED,  # undefined table
    "42703": _OUTDATED,  # undefined column
    "42501": _RIGHTS,  # of a role that was restored without its grants
    "55P03": _BUSY,  # lock not available
    READ_ONLY_STATE: _STANDBY,
    "53100": _FULL,
    "58030": _DISK,
    "XX001": _BROKEN,  # data corrupted
    "XX002": _BROKEN,  # index corrupted
    # Transactions that the server ended for their age; the driver reports them as internal errors.
    "25P03": _AWAY,
    "25P04": _AWAY,
}
_BY_STATE_CLASS: Mapping[str, _Meaning] = {
    "08": _AWAY,  # the connection
    "28": _RIGHTS,  # the user, within a session
    "40": _BUSY,  # deadlock, serialisation, what a standby replays
    "53": _AWAY,  # too many connections, no memory
    "54": _FAULT,  # more than the server takes, such as a long text in an index
    "57": _AWAY,  # the server stops or starts, or an administrator ended the session
    "58": _AWAY,  # system errors of the server
}
_BY_SQLITE_CODE: Mapping[int, _Meaning] = {
    SQLITE_BUSY: _BUSY,
    SQLITE_LOCKED: _BUSY,
    SQLITE_READONLY: (
        DatabaseReadOnly,
        (
            "the file, its folder or its disk is read-only; let this user write there, or name"
            " another folder by --state or THORAQ_STATE"
        ),
    ),
    SQLITE_FULL: _FULL,
    SQLITE_IOERR: _DISK,
    SQLITE_IOERR_SHMSIZE: _FULL,  # the log's index, beside the file, cannot grow
    SQLITE_CORRUPT: _BROKEN,
    SQLITE_NOTADB: _BROKEN,
    SQLITE_CANTOPEN: (
        DatabaseAway,
        (
            "`thoraq process` or `up` creates one; --state or THORAQ_STATE names another state"
            " folder, and `thoraq doctor` checks it"
        ),
    ),
    SQLITE_ERROR: _FAULT,  # in a statement
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise SQLAlchemy's errors as those of db.errors."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise _translation(error) from error
    except (OverflowError, UnicodeError) as error:  # raised by drivers for single values
        raise DatabaseRefused("a value that no column can store: please report it") from error


def _translation(error: exc.SQLAlchemyError) -> DatabaseError:
    original = getattr(error, "orig", None)
    message = str(original or type(error).__name__)
    # Only the first line: the lines below it contain the values of the row.
    first_line = (message.splitlines() or [""])[0]
    kind, remedy = _meaning(error, original, message)
    return kind(f"{first_line}: {remedy}")


def _constraint(original: object) -> str:
    return getattr(getattr(original, "diag", None), "constraint_name", None) or ""


def _login_remedy(message: str) -> str | None:
    """Return the remedy if a server rejected the login; None otherwise."""
    message = message if "no password supplied" in message else message.partition("FATAL: ")[2]
    for words, remedy in _LOGIN.items():
        before, _, after = words.partition(" . ")
        if before in message and after in message.partition(before)[2]:
            return remedy
    return None


def _meaning(error: exc.SQLAlchemyError, original: object, message: str) -> _Meaning:
    """Return the class and remedy of an error."""
    state = getattr(original, "sqlstate", None) or ""
    if message.startswith(("no such table", "no such column")):
        return _OUTDATED
    # A batch may be forgotten between two statements: a retry finds that out.
    forgotten = state == _DANGLING and _constraint(original).endswith(_TO_BATCH)
    if forgotten or isinstance(error, exc.TimeoutError):
        return _BUSY
    if not state and any(each in message for each in _NO_PRIMARY):
        return _STANDBY
    if not state and (remedy := _login_remedy(message)) is not None:
        return DatabaseLoginFails, remedy
    sqlite_code = getattr(original, "sqlite_errorcode", 0)
    known = (
        _BY_STATE.get(state)
        or _BY_STATE_CLASS.get(state[:2])
        or _BY_SQLITE_CODE.get(sqlite_code)
        or _BY_SQLITE_CODE.get(sqlite_code & 0xFF)  # extended codes add to the plain ones
    )
    if known is not None:
        return known
    return _AWAY if isinstance(error, (exc.OperationalError, exc.InterfaceError)) else _FAULT
