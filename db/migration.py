"""Upgrading a database's schema to this program's version, by alembic, on behalf of `db.schema`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, inspect, text

from db.address import forbidden, is_made, sqlite_path
from db.engine import engine_of, read_once
from db.errors import DatabaseRefused, SchemaNewer
from db.schema_state import SchemaState
from db.translation import translated

#: Key that no other program is likely to use: "thoraq" in ASCII.
_ADVISORY_LOCK = 0x74686F726171
#: A migration that waits longer for a table gives up, since all workers queue behind it.
_LOCK_TIMEOUT = "30s"


def upgrade(url: str) -> SchemaState:
    """Apply all pending revisions in one transaction; concurrent calls take turns.

    Raises DatabaseAway, DatabaseBusy, SchemaNewer.
    """
    _make_folder(url)
    with lone_transaction(url) as connection:
        state = _state(connection)
        if state.pending:
            apply(connection)
        return _state(connection)


def make(url: str, revision: str) -> None:
    """Give an empty database the schema of ``revision``."""
    _make_folder(url)
    with lone_transaction(url) as connection:
        apply(connection, revision)


def apply(connection: Connection, revision: str = "head") -> None:
    """Apply the migrations up to ``revision``, in the transaction of `lone_transaction`."""
    command.upgrade(_config(connection), revision)


@cache
def definitions_at(
    revision: str,
) -> tuple[list[tuple[str, str, str | None]], dict[str, tuple[str, ...]]]:
    """Return SQLite's catalogue (kind, name, statement) and the tables' columns at ``revision``."""
    with lone_transaction("sqlite://") as connection:
        apply(connection, revision)
        found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master")
        entries = [(str(kind), str(name), sql) for kind, name, sql in found]
        look = inspect(connection)
        columns = {
            name: tuple(column["name"] for column in look.get_columns(name))
            for name in look.get_table_names()
        }
    return entries, columns


def downgrade(url: str, revision: str) -> SchemaState:
    """Downgrade to ``revision``, or to no schema with "base"; for developers and tests."""
    with lone_transaction(url) as connection:
        command.downgrade(_config(connection), revision)
        return _state(connection)


def check(url: str) -> SchemaState:
    """Return what `upgrade` would apply; change nothing and create no SQLite file.

    Raises DatabaseAway, SchemaNewer.
    """
    path = sqlite_path(url)
    if path is not None and not is_made(path):
        return _state(None)
    with read_once(url) as connection:
        return _state(connection)


def check_revision(revision: str) -> None:
    """Check that this program knows a schema revision. Raises SchemaNewer."""
    scripts = ScriptDirectory.from_config(_config(None))
    # Not by alembic, which also accepts prefixes and names such as "head".
    if revision not in {each.revision for each in scripts.walk_revisions()}:
        raise SchemaNewer(
            f"its schema is {revision[:32]!a}, which this thoraq does not know: install the version"
            " that made it"
        )


@contextmanager
def lone_transaction(url: str) -> Iterator[Connection]:
    """Run a transaction that changes the schema, one at a time."""
    # On SQLite a table is altered by recreating it, which with foreign keys on would delete rows;
    # they can only be switched off outside a transaction, so this engine has them off.
    engine = engine_of(url, foreign_keys=False, make=True).execution_options(thoraq_writing=True)
    try:
        with translated(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
                if inspect(connection).has_table("alembic_version"):
                    # Every transaction reads it first: running ones finish, others wait for us.
                    connection.execute(text("LOCK TABLE alembic_version"))
            else:
                # Keeps triggers that name a table while it is being recreated.
                connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
            yield connection
            if connection.dialect.name == "sqlite":
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise DatabaseRefused(f"the migration would orphan rows of {broken[0]}")
    finally:
        engine.dispose()


def _config(connection: Connection | None) -> Config:
    config = Config()
    # The configuration parser interpolates per cent signs.
    folder = str(files("migrations")).replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _state(connection: Connection | None) -> SchemaState:
    scripts = ScriptDirectory.from_config(_config(connection))
    head = scripts.get_current_head()
    if head is None:
        raise DatabaseRefused("this installation lacks its migrations: install thoraq again")
    current = None
    if connection is not None:
        current = MigrationContext.configure(connection).get_current_revision()
    try:
        pending = [step.revision for step in scripts.iterate_revisions(head, current or "base")]
    except RevisionError as error:
        raise SchemaNewer(
            f"the database schema is {current}, which this thoraq does not know: install the "
            "version that upgraded it"
        ) from error
    return SchemaState(current=current, head=head, pending=tuple(reversed(pending)))


def _make_folder(url: str) -> None:
    path = sqlite_path(url)
    if path is not None:
        # Patients' data: nobody else may read a folder that we create.
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except PermissionError as error:
            raise forbidden(path) from error
