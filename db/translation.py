"""What a database's driver says, in the errors of `db.errors`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import (
    SQLITE_BUSY,
    SQLITE_CANTOPEN,
    SQLITE_CORRUPT,
    SQLITE_ERROR,
    SQLITE_LOCKED,
    SQLITE_NOTADB,
)

from sqlalchemy import exc

from db.errors import (
    DatabaseAway,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseRefused,
    SchemaOutdated,
)


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
