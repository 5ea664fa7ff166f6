"""The schema a database stands at, and the one this program needs.

Alembic, which leads from one to the other, takes a fifth of a second to import: as long as asking
takes. So it is left to those few times when there is something to do, in `db.migrating`.
"""

from __future__ import annotations

from sqlalchemy import inspect

from db.engine import asking, sqlite_path
from db.records import SchemaState

#: The newest revision of ``migrations/versions``, which the tables of `db.tables` are.
HEAD = "0008"


def upgrade(url: str) -> SchemaState:
    """Apply every pending revision in one transaction; two processes at once take turns.

    Raises DatabaseAway, DatabaseBusy, SchemaNewer.
    """
    if (state := _newest(url)) is not None:
        return state
    from db import migrating  # noqa: PLC0415 - see above

    return migrating.upgrade(url)


def check(url: str) -> SchemaState:
    """Tell what `upgrade` would apply; changes nothing and makes no SQLite file.

    Raises DatabaseAway, SchemaNewer.
    """
    if (state := _newest(url)) is not None:
        return state
    from db import migrating  # noqa: PLC0415 - see above

    return migrating.check(url)


def _newest(url: str) -> SchemaState | None:
    """Return the state of a database at the newest revision; None: alembic is to look at it."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return None
    with asking(url) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        return SchemaState(HEAD, HEAD, ()) if found.all() == [HEAD] else None
