"""Copies of the whole database in one file: made while others write, and restored.

A copy of SQLite is a database file, one of PostgreSQL an archive of pg_dump. Either contains the
state of one moment.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace as changed
from pathlib import Path

from sqlalchemy import inspect

from db.address import sqlite_path
from db.audit import Action, note
from db.backup import postgres_copies, sqlite_copies
from db.backup.known_schema import refuse_differences
from db.backup.records import CopyContents, CopyCount, count_rows
from db.database import Database, moment
from db.engine import engine_of
from db.errors import CopyExists, CopyFailed, CopyForeign, DatabaseNotEmpty
from db.migration import check_revision
from db.outbox import resend_all
from db.schema import refuse_newer
from db.training.runs import resend_runs
from db.translation import translated

#: Tables that every database of thoraq has had since its first schema.
_OURS = frozenset({"batch", "chunk", "file", "job", "measurement", "radiograph"})


def back_up(url: str, target: Path, *, replace: bool = False) -> CopyCount:
    """Write the database at ``url`` to ``target``; an interruption leaves an old file unchanged.

    Raises CopyExists, CopyFailed, ToolMissing, ToolOutdated, DatabaseAway, SchemaOutdated,
    SchemaNewer.
    """
    if sqlite_copies.is_database(url, target):
        raise CopyExists(f"{target} is the database itself; give another name")
    if target.exists() and not replace:
        raise CopyExists.about(target)
    refuse_newer(url)
    try:
        _forget_halves(target)
        # It contains results: nobody else may read it, from the first byte on.
        opened, name = tempfile.mkstemp(".part", f".{target.name}.", target.parent)
        half = Path(name)
        try:
            if sqlite_copies.is_sqlite_url(url):
                count = sqlite_copies.write_copy(url, half)
            else:
                count = postgres_copies.write_copy(url, opened)
            os.fsync(opened)
            half.replace(target)
            _make_durable(target.parent)
        finally:
            os.close(opened)
            half.unlink(missing_ok=True)
    except OSError as exc:
        raise CopyFailed.because(f"{target}: {exc.strerror}") from exc
    return count


def restore(url: str, source: Path, *, replace: bool = False) -> CopyCount:
    """Restore a copy, all of it or nothing; waiting work in it is sent again.

    Jobs and runs that were running when it was made are requeued once their leases expire.
    Only rows are read from it, into a newly created schema.
    Raises CopyForeign, CopyDamaged, CopyUntrusted, CopyFailed, DatabaseNotEmpty, DatabaseBroken,
    SchemaNewer, ToolMissing, ToolOutdated, DatabaseAway, DatabaseBusy.
    """
    if sqlite_copies.is_database(url, source):
        raise CopyForeign(f"{source} is the database itself; name a copy")
    check_copy(source, sqlite=sqlite_copies.is_sqlite_url(url))
    if not replace and _has_tables(url):
        raise DatabaseNotEmpty
    moved_aside: Path | None = None
    if sqlite_copies.is_sqlite_url(url):
        moved_aside = sqlite_copies.bring_back(url, source)
    else:
        postgres_copies.bring_back(url, source, replace=replace)
    database = Database.open(url)
    try:
        resend_all(database)
        resend_runs(database)
        with database.write() as connection:
            note(connection, Action.RESTORE, source.name, moment(connection, None))
    finally:
        database.dispose()
    return changed(_counted(url), moved_aside=moved_aside)


def check_copy(source: Path, *, sqlite: bool) -> None:
    """Check that a file is an intact copy for this kind of database, with no newer schema.

    Nothing of it is executed. Raises CopyForeign, CopyDamaged, CopyUntrusted, SchemaNewer,
    ToolMissing, ToolOutdated.
    """
    kind = sqlite_copies if sqlite else postgres_copies
    contents: CopyContents = kind.look_into(source)
    # Other programs that use alembic have a table of the same name, with similar revisions.
    if contents.revision is None or not contents.tables >= _OURS:
        raise CopyForeign.about(source)
    check_revision(contents.revision)
    refuse_differences(source, kind.schema_differences(contents))
    kind.read_through(source)


def _has_tables(url: str) -> bool:
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return False
    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection:
            return bool(inspect(connection).get_table_names())
    finally:
        engine.dispose()


def _counted(url: str) -> CopyCount:
    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection:
            return count_rows(connection)
    finally:
        engine.dispose()


def _forget_halves(target: Path) -> None:
    """Remove partial files of backups to this name that were killed: they contain results."""
    half = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}\.part")
    for each in target.parent.iterdir():
        if half.fullmatch(each.name):
            each.unlink(missing_ok=True)


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
