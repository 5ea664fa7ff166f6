"""The schema revision of a database, and the one this program needs.

Alembic takes a fifth of a second to import, as long as the check itself. So it is imported only
when the schema has to be changed, in `db.migration`.
"""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection, inspect

from db.address import is_made, sqlite_path
from db.engine import read_once
from db.errors import DatabaseError, SchemaNewer, SchemaOutdated
from db.schema_state import SchemaState

#: The newest revision in ``migrations/versions``, the schema of `db.tables`.
HEAD = max(
    each.name[:4]
    for each in (files("migrations") / "versions").iterdir()
    if each.name[:4].isdecimal()
)

_UPGRADE = "run `thoraq db upgrade`"
_INSTALL = "install the version that upgraded it"


def upgrade(url: str) -> SchemaState:
    """Apply all pending revisions in one transaction; concurrent calls take turns.

    Raises DatabaseAway, DatabaseBusy, SchemaNewer.
    """
    if (state := _newest(url)) is not None:
        return state
    from db import migration  # noqa: PLC0415 - see above

    return migration.upgrade(url)


def check(url: str) -> SchemaState:
    """Return what `upgrade` would apply; change nothing and create no SQLite file.

    Raises DatabaseAway, SchemaNewer.
    """
    if (state := _newest(url)) is not None:
        return state
    from db import migration  # noqa: PLC0415 - see above

    return migration.check(url)


def refuse_newer(url: str) -> None:
    """Refuse to start a process on a newer schema; it waits for any other fault to be repaired.

    Raises SchemaNewer.
    """
    path = sqlite_path(url)
    try:
        if path is not None and not is_made(path):  # connecting would create it
            return
        with read_once(url) as connection:
            require_head(connection)
    except SchemaNewer:
        raise
    except DatabaseError:
        return


def require_head(connection: Connection) -> None:
    """Refuse to work on any schema but this program's, before anything is read or written.

    Every transaction begins with this check: on PostgreSQL an upgrade waits for those that have
    passed it, and those that come later see the new revision. Raises SchemaOutdated, SchemaNewer.
    """
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    if found == [HEAD]:
        return
    revision = ", ".join(found) or "no revision"
    if all(each.isdecimal() and each < HEAD for each in found):
        raise SchemaOutdated(
            f"the database is at {revision}, this program needs {HEAD}: {_UPGRADE}"
        )
    raise SchemaNewer(f"the database is at {revision}, this program knows {HEAD}: {_INSTALL}")


def _newest(url: str) -> SchemaState | None:
    """Return the state of a database at the newest revision; None: it may need alembic."""
    path = sqlite_path(url)
    if path is not None and not is_made(path):
        return None
    with read_once(url) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        return SchemaState(HEAD, HEAD, ()) if found.all() == [HEAD] else None
