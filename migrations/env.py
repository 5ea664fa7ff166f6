"""Alembic's environment.

`db.migration` passes an open connection, within a transaction that it commits itself. A developer
gives a database at the newest revision, with which the tables are compared:
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
        render_as_batch=True,  # on SQLite a table is altered by recreating it
        transactional_ddl=True,  # SQLite can roll back DDL too, which alembic does not assume
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("offline mode is not supported; omit --sql")

given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if url is None:
        raise SystemExit("give a database: alembic -x url=sqlite:///scratch.db ...")
    with engine_of(url, foreign_keys=False).begin() as own:
        _run(own)
