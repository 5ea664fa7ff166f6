"""Bringing a database's schema to this program's version: what `db.schema` has done by alembic."""

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
from db.engine import asking, engine_of
from db.errors import DatabaseRefused, SchemaNewer
from db.schema_state import SchemaState
from db.translation import translated

#: Any number that no other program locks by: "thoraq" in ASCII.
_ADVISORY_LOCK = 0x74686F726171
#: A migration that waits longer for a table gives up instead of stopping every worker behind it.
_LOCK_TIMEOUT = "30s"


def upgrade(url: str) -> SchemaState:
    """Apply every pending revision in one transaction; two processes at once take turns.

    Raises DatabaseAway, DatabaseBusy, SchemaNewer.
    """
    _make_folder(url)
    with alone(url) as connection:
        state = _state(connection)
        if state.pending:
            apply(connection)
        return _state(connection)


def make(url: str, revision: str) -> None:
    """Give an empty database the schema of ``revision``."""
    _make_folder(url)
    with alone(url) as connection:
        apply(connection, revision)


def apply(connection: Connection, revision: str = "head") -> None:
    """Apply what leads to ``revision``, in the transaction of `alone`."""
    command.upgrade(_config(connection), revision)


@cache
def definitions_at(
    revision: str,
) -> tuple[list[tuple[str, str, str | None]], dict[str, tuple[str, ...]]]:
    """Return SQLite's catalogue at ``revision``, kind, name and statement, and tables' columns."""
    with alone("sqlite://") as connection:
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
    """Go back to ``revision``, or to no schema with "base"; for developers and tests."""
    with alone(url) as connection:
        command.downgrade(_config(connection), revision)
        return _state(connection)


def check(url: str) -> SchemaState:
    """Tell what `upgrade` would apply; changes nothing and makes no SQLite file.

    Raises DatabaseAway, SchemaNewer.
    """
    path = sqlite_path(url)
    if path is not None and not is_made(path):
        return _state(None)
    with asking(url) as connection:
        return _state(connection)


def check_revision(revision: str) -> None:
    """Check that this program knows a schema revision. Raises SchemaNewer."""
    scripts = ScriptDirectory.from_config(_config(None))
    # Not by alembic, which takes the start of a name, and names such as "head", for one as well.
    if revision not in {each.revision for each in scripts.walk_revisions()}:
        raise SchemaNewer(
            f"it stands at {revision[:32]!a}, which this thoraq does not know: install the version"
            " that made it"
        )


@contextmanager
def alone(url: str) -> Iterator[Connection]:
    """One transaction that changes the schema, while no other does."""
    # SQLite makes altered tables anew, which foreign keys would take for deleting their rows;
    # they can be switched off outside a transaction only, so this engine never has them on.
    engine = engine_of(url, foreign_keys=False, make=True).execution_options(thoraq_writing=True)
    try:
        with translated(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
                if inspect(connection).has_table("alembic_version"):
                    # Every unit of work reads it first: those at work end, others wait for us.
                    connection.execute(text("LOCK TABLE alembic_version"))
            else:
                # A table that is made anew is away for a moment; triggers that name it may stay.
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
    # Per cent signs mean interpolation to the configuration parser.
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
            f"the database stands at {current}, which this thoraq does not know: install the "
            "version that upgraded it"
        ) from error
    return SchemaState(current=current, head=head, pending=tuple(reversed(pending)))


def _make_folder(url: str) -> None:
    path = sqlite_path(url)
    if path is not None:
        # Patients' data: nobody else may look into a folder that we make.
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except PermissionError as error:
            raise forbidden(path) from error
