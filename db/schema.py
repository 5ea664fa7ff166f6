"""The schema a database stands at, and the one this program needs.

Alembic, which leads from one to the other, takes a fifth of a second to import: as long as asking
takes. So it is left to those few times when there is something to do, in `db.migration`.
"""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection, inspect

from db.address import is_made, sqlite_path
from db.engine import asking
from db.errors import DatabaseError, SchemaNewer, SchemaOutdated
from db.schema_state import SchemaState

#: The newest revision of ``migrations/versions``, which the tables of `db.tables` are.
HEAD = max(
    each.name[:4]
    for each in (files("migrations") / "versions").iterdir()
    if each.name[:4].isdecimal()
)

_UPGRADE = "run `thoraq db upgrade`"
_INSTALL = "install the version that upgraded it"


def upgrade(url: str) -> SchemaState:
    """Apply every pending revision in one transaction; two processes at once take turns.

    Raises DatabaseAway, DatabaseBusy, SchemaNewer.
    """
    if (state := _newest(url)) is not None:
        return state
    from db import migration  # noqa: PLC0415 - see above

    return migration.upgrade(url)


def check(url: str) -> SchemaState:
    """Tell what `upgrade` would apply; changes nothing and makes no SQLite file.

    Raises DatabaseAway, SchemaNewer.
    """
    if (state := _newest(url)) is not None:
        return state
    from db import migration  # noqa: PLC0415 - see above

    return migration.check(url)


def refuse_newer(url: str) -> None:
    """Refuse to start a process on a newer schema; whatever else ails a database, it waits for.

    Raises SchemaNewer.
    """
    path = sqlite_path(url)
    try:
        if path is not None and not is_made(path):  # connecting would make one
            return
        with asking(url) as connection:
            require_head(connection)
    except SchemaNewer:
        raise
    except DatabaseError:
        return


def require_head(connection: Connection) -> None:
    """Refuse to work on another schema than this program's, before anything is read or written.

    Every unit of work asks, within its transaction: on PostgreSQL an upgrade waits for those that
    have asked, and those that come after it see what it has made. Raises SchemaOutdated,
    SchemaNewer.
    """
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    if found == [HEAD]:
        return
    said = ", ".join(found) or "no revision"
    if all(each.isdecimal() and each < HEAD for each in found):
        raise SchemaOutdated(f"the database is at {said}, this program needs {HEAD}: {_UPGRADE}")
    raise SchemaNewer(f"the database is at {said}, this program knows {HEAD}: {_INSTALL}")


def _newest(url: str) -> SchemaState | None:
    """Return the state of a database at the newest revision; None: alembic is to look at it."""
    path = sqlite_path(url)
    if path is not None and not is_made(path):
        return None
    with asking(url) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        return SchemaState(HEAD, HEAD, ()) if found.all() == [HEAD] else None
