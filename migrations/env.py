"""Where alembic meets the tables.

`db.schema` hands over an open connection, inside a transaction that it commits itself. A
developer's own `alembic revision --autogenerate` compares with the database that
``sqlalchemy.url`` in pyproject.toml names.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from db.database import engine_of
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
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise SystemExit("no sqlalchemy.url: run `thoraq db upgrade`, or set it for alembic")
    with engine_of(url, foreign_keys=False).begin() as own:
        _run(own)
