"""Where alembic meets the tables.

`db.migration` hands over an open connection, inside a transaction that it commits itself. A
developer names a database, migrated to the head, against which the tables are compared:
`alembic -x url=sqlite:///scratch.db revision --autogenerate -m "what changes"`.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from db.engine import engine_of
from db.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,  # SQLite alters a table by making it anew
        transactional_ddl=True,  # both databases roll DDL back; alembic doubts it of SQLite
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("thoraq migrates a database that it can see; leave --sql out")

given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if url is None:
        raise SystemExit("name a database: alembic -x url=sqlite:///scratch.db ...")
    with engine_of(url, foreign_keys=False).begin() as own:
        _run(own)
