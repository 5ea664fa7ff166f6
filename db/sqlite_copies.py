"""Copies of SQLite: a database file of its own, written and read by SQLite itself."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from db.copy_records import CopyContents, CopyCount
from db.database import engine_of, translated
from db.errors import (
    CopyDamaged,
    CopyFailed,
    CopyForeign,
    DatabaseBroken,
    DatabaseBusy,
    SchemaOutdated,
)

_MAGIC = b"SQLite format 3\0"
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def speaks(url: str) -> bool:
    """Whether a URL is SQLite's."""
    return make_url(url).get_backend_name() == "sqlite"


def is_database(url: str, path: Path) -> bool:
    """Whether a path is the database's own file."""
    if not speaks(url):
        return False
    return path.exists() and _file_of(url).exists() and path.samefile(_file_of(url))


def write_copy(url: str, target: Path) -> CopyCount:
    """Write into an empty file; others may write meanwhile. Raises CopyFailed, SchemaOutdated."""
    if not _file_of(url).exists():  # connecting would make one
        raise SchemaOutdated(f"there is no {_file_of(url)} to copy")
    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection:
            # Outside a transaction; it reads one moment and lets others write.
            raw = connection.connection.driver_connection
            if raw is None:
                raise CopyFailed(CopyFailed.__doc__)
            try:
                raw.execute("VACUUM INTO ?", (str(target),))
            except sqlite3.Error as exc:
                raise _failure(exc) from exc
    finally:
        engine.dispose()
    with closing(_opened(target)) as copy:
        try:
            return CopyCount(
                batches=_rows(copy, "SELECT count(*) FROM batch"),
                files=_rows(copy, "SELECT count(*) FROM file"),
                jobs=_rows(copy, "SELECT count(*) FROM job"),
                measurements=_rows(copy, "SELECT count(*) FROM measurement"),
            )
        except sqlite3.OperationalError as exc:
            raise SchemaOutdated(SchemaOutdated.__doc__) from exc


def bring_back(url: str, source: Path) -> Path | None:
    """Put a copy's rows in place of the database's, or make the database.

    A file that SQLite cannot read any more is moved aside; returns where. Raises CopyFailed,
    DatabaseBusy.
    """
    path = _file_of(url)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _overwrite(url, source)
    except DatabaseBroken:
        aside = _set_aside(path)
        _overwrite(url, source)
        return aside
    return None


def look_into(source: Path) -> CopyContents:
    """Read a copy to its end. Raises CopyForeign, CopyDamaged."""
    try:
        with source.open("rb") as opened:
            head = opened.read(len(_MAGIC))
    except OSError as exc:
        raise CopyDamaged(f"{source}: {exc.strerror}") from exc
    if head != _MAGIC:
        raise CopyForeign(f"{source}: {CopyForeign.__doc__}")
    try:
        with closing(_opened(source)) as copy:
            [said] = copy.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise CopyDamaged(f"{source}: {said}. {CopyDamaged.__doc__}")
            found = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = frozenset(str(name) for [name] in found)
            row = None
            if "alembic_version" in tables:
                row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as exc:
        raise CopyDamaged(f"{source}: {exc}. {CopyDamaged.__doc__}") from exc
    return CopyContents(tables, None if row is None else str(row[0]))


def _overwrite(url: str, source: Path) -> None:
    def check(status: int, remaining: int, pages: int) -> None:
        del remaining, pages
        # Python would try again for ever, for a process that is stopped and holds the file.
        if status in _HELD:
            raise DatabaseBusy(DatabaseBusy.__doc__)

    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection, closing(_opened(source)) as copy:
            raw = connection.connection.driver_connection
            if raw is None:
                raise CopyFailed(CopyFailed.__doc__)
            try:
                # One transaction: whoever has it open sees all of it or nothing.
                copy.backup(raw, progress=check)
            except sqlite3.Error as exc:
                raise _failure(exc) from exc
    finally:
        engine.dispose()


def _set_aside(path: Path) -> Path:
    """Move a file that is no database any more, with its log, which would spoil another's."""
    aside = path.with_name(f"{path.name}.broken-{time.time_ns()}")
    for end in ("-wal", "-shm", ""):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    return aside


def _failure(error: sqlite3.Error) -> CopyFailed | DatabaseBroken:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN:
        return DatabaseBroken(f"{error}. {DatabaseBroken.__doc__}")
    return CopyFailed(f"{error}. {CopyFailed.__doc__}")


def _file_of(url: str) -> Path:
    return Path(str(make_url(url).database))


def _opened(source: Path) -> sqlite3.Connection:
    # A copy may lie on a medium that cannot be written.
    return sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _rows(copy: sqlite3.Connection, question: str) -> int:
    [count] = copy.execute(question).fetchone()
    return int(count)
