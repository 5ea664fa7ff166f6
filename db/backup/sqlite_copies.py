"""Copies of SQLite: separate database files, written and read by SQLite itself."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from contextlib import closing
from pathlib import Path

from db import migration
from db.address import parse_url, sqlite_path, sqlite_url
from db.backup.known_schema import (
    Entry,
    ForeignEntry,
    columns_of,
    foreign_entries,
    is_known,
    is_version_table,
    missing_tables,
    refuse_differences,
)
from db.backup.records import CopyContents, CopyCount, CopyRemark, check_magic
from db.engine import engine_of
from db.errors import (
    CopyDamaged,
    CopyFailed,
    CopyForeign,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseUrlInvalid,
    SchemaOutdated,
)
from db.schema import HEAD
from db.translation import translated

_MAGIC = b"SQLite format 3\0"
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_sqlite_url(url: str) -> bool:
    """Return whether a URL is of a SQLite database."""
    return parse_url(url).get_backend_name() == "sqlite"


def is_database(url: str, path: Path) -> bool:
    """Return whether a path is the database's own file."""
    if not is_sqlite_url(url):
        return False
    return path.exists() and _file_of(url).exists() and path.samefile(_file_of(url))


def write_copy(url: str, target: Path) -> CopyCount:
    """Write a copy into an empty file while others may write. Raises CopyFailed, SchemaOutdated."""
    if not _file_of(url).exists():  # connecting would make one
        raise SchemaOutdated(f"there is no {_file_of(url)} to copy")
    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection:
            # Outside a transaction; it reads one moment and lets others write.
            raw = connection.connection.driver_connection
            if raw is None:
                raise CopyFailed
            try:
                # A name need not be UTF-8, and must not begin like a URI.
                name = os.fsencode(target.absolute())
                raw.execute("VACUUM INTO CAST(? AS TEXT)", (name,))
            except sqlite3.Error as exc:
                raise _failure(exc) from exc
    finally:
        engine.dispose()
    remark = _leave_out(target)
    with closing(_opened(target)) as copy:
        try:
            return CopyCount(
                batches=_rows(copy, "SELECT count(*) FROM batch"),
                files=_rows(copy, "SELECT count(*) FROM file"),
                jobs=_rows(copy, "SELECT count(*) FROM job"),
                measurements=_rows(copy, "SELECT count(*) FROM measurement"),
                remark=remark,
            )
        except sqlite3.OperationalError as exc:
            raise SchemaOutdated from exc


def bring_back(url: str, source: Path) -> Path | None:
    """Replace the database's rows by a copy's, or create the database; upgrade an older schema.

    Only rows are read from the copy: the schema is newly created. A database that SQLite can no
    longer read is moved aside; return its new path. Raises CopyFailed, CopyDamaged, CopyUntrusted,
    DatabaseBusy.
    """
    path = _file_of(url)
    # Patients' data: nobody else may look into a folder or a file that we make.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    start = f".{path.name}.restore-"
    for old in path.parent.glob(f"{glob.escape(start)}*"):  # of a restore that was killed
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=start, dir=path.parent) as folder:
        fresh = Path(folder) / "thoraq.db"
        _fill(fresh, source)
        migration.upgrade(sqlite_url(fresh))
        made = _make_file(path, 0o600)
        try:
            _overwrite(url, fresh)
        except DatabaseBroken:
            aside = _set_aside(path)
            _make_file(path, stat.S_IMODE(aside.stat().st_mode))
            _overwrite(url, fresh)
            return aside
        except BaseException:
            if made:
                path.unlink(missing_ok=True)
            raise
    return None


def look_into(source: Path) -> CopyContents:
    """Return the contents of a copy; nothing is executed. Raises CopyForeign, CopyDamaged."""
    check_magic(source, _MAGIC)
    try:
        with closing(_opened(source)) as copy:
            return _contents(copy, "main")
    except sqlite3.Error as exc:
        raise CopyDamaged.because(f"{source}: {exc}") from exc


def schema_differences(contents: CopyContents) -> list[str]:
    """Return how a copy's contents differ from the schema of its revision."""
    revision = contents.revision or HEAD
    found = [str(each) for each in foreign_entries(contents.entries, revision)]
    return [*found, *missing_tables(contents.tables, revision)]


def read_through(source: Path) -> None:
    """Read a copy to its end. Raises CopyDamaged."""
    try:
        with closing(_opened(source)) as copy:
            [answer] = copy.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as exc:
        raise CopyDamaged.because(f"{source}: {exc}") from exc
    if answer != "ok":
        raise CopyDamaged.because(f"{source}: {answer}")


def _leave_out(target: Path) -> CopyRemark:
    """Remove objects that are not thoraq's from a new copy: a restore would refuse them.

    And our views, which a restore makes anew: SQLite 3.40 looks for neither lost nor free pages in
    a file whose schema begins with a view.
    """
    try:
        with closing(_opened(target)) as copy:
            contents = _contents(copy, "main")
        if contents.revision is None or not is_known(contents.revision):
            return CopyRemark()
        found = list(foreign_entries(contents.entries, contents.revision))
        others = [each for each in found if not each.known]
        views = [
            ForeignEntry("view", name, known=True)
            for kind, name, _ in contents.entries
            if kind == "view"
        ]
        dropped = {(each.kind, each.name): each for each in (*views, *others)}
        if dropped:
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                copy.execute("PRAGMA journal_mode = MEMORY")
                for each in sorted(dropped.values(), key=_turn):
                    quoted = each.name.replace('"', '""')
                    copy.execute(f'DROP {each.kind} IF EXISTS "{quoted}"')
    except sqlite3.Error as exc:
        raise _failure(exc) from exc
    return CopyRemark(
        left_out=tuple(str(each) for each in others),
        differing=tuple(str(each) for each in found if each.known and each.kind != "view"),
    )


def _turn(each: ForeignEntry) -> tuple[int, bool]:
    """Return a sort key: views before their tables, virtual tables before their shadow tables."""
    return ["view", "trigger", "index", "table"].index(each.kind), not each.virtual


def _contents(opened: sqlite3.Connection, schema: str) -> CopyContents:
    found = opened.execute(f"SELECT type, name, sql FROM {schema}.sqlite_master")  # noqa: S608
    entries: list[Entry] = [(str(kind), str(name), sql) for kind, name, sql in found]
    tables = frozenset(name for kind, name, _ in entries if kind == "table")
    # A view or a table with computed columns of that name would be executed by reading it.
    if not any(is_version_table(entry, HEAD) for entry in entries):
        return CopyContents(tables, None)
    row = opened.execute(f"SELECT version_num FROM {schema}.alembic_version").fetchone()  # noqa: S608
    return CopyContents(tables, None if row is None else str(row[0]), tuple(entries))


def _fill(fresh: Path, source: Path) -> None:
    """Create a database with a copy's schema and copy its rows, column by column."""
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None, uri=True)) as opened:
            opened.execute("PRAGMA trusted_schema = OFF")
            opened.execute("ATTACH ? AS copy", (_read_only(source),))
            contents = _contents(opened, "copy")
            if contents.revision is None:
                raise CopyForeign.about(source)
            refuse_differences(source, schema_differences(contents))
            migration.make(sqlite_url(fresh), contents.revision)
            opened.execute("PRAGMA main.journal_mode = OFF")  # it is of no use until it is whole
            opened.execute("PRAGMA main.synchronous = OFF")
            opened.execute("BEGIN")
            later = opened.execute(
                "SELECT type, name, sql FROM main.sqlite_master"
                " WHERE type IN ('trigger', 'index') AND sql IS NOT NULL ORDER BY type"
            ).fetchall()
            for kind, name, _ in later:
                opened.execute(f'DROP {kind} main."{name}"')
            for table, columns in columns_of(contents.revision).items():
                names = ", ".join(f'"{column}"' for column in columns)
                opened.execute(
                    f'INSERT INTO main."{table}" ({names}) SELECT {names} FROM copy."{table}"'  # noqa: S608
                )
                if _misfits(opened, table):
                    raise CopyDamaged.because(f"{source}: values of {table}")
            for _, _, sql in later:
                opened.execute(sql)
            opened.execute("COMMIT")
            if opened.execute("PRAGMA main.foreign_key_check").fetchone() is not None:
                raise CopyDamaged.because(f"{source}: rows name others it lacks")
    except sqlite3.IntegrityError as exc:
        # Its message may name tables and columns, never a value.
        raise CopyDamaged.because(f"{source}: {exc}") from exc
    except sqlite3.Error as exc:
        raise _failure(exc, CopyDamaged) from exc


def _misfits(opened: sqlite3.Connection, table: str) -> bool:
    """Return whether a table contains values of a wrong type, which SQLite accepts in any column.

    These are bytes, texts instead of numbers, and texts that are not a time or not JSON.
    """
    conditions = []
    for _, column, kind, *_ in opened.execute(f'PRAGMA main.table_info("{table}")').fetchall():
        number = kind.startswith(("BIGINT", "INTEGER", "BOOLEAN", "FLOAT"))
        conditions.append(f"""typeof("{column}") IN ('blob', '{"text" if number else "blob"}')""")
        if kind.startswith("DATE"):
            conditions.append(
                f"""("{column}" IS NOT NULL AND ("{column}" NOT GLOB '[0-9][0-9][0-9][0-9]-*'
                OR julianday("{column}") IS NULL))"""
            )
        elif kind == "JSON":
            conditions.append(f"""("{column}" IS NOT NULL AND NOT json_valid("{column}"))""")
    asked = f'SELECT 1 FROM main."{table}" WHERE {" OR ".join(conditions)} LIMIT 1'  # noqa: S608
    return opened.execute(asked).fetchone() is not None


def _make_file(path: Path, mode: int) -> bool:
    """Create an empty file if there is none; return whether it was created."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    os.fchmod(descriptor, mode)
    os.close(descriptor)
    return True


def _overwrite(url: str, source: Path) -> None:
    def check(status: int, remaining: int, pages: int) -> None:
        del remaining, pages
        # Python would try again for ever, for a process that is stopped and holds the file.
        if status in _HELD:
            raise DatabaseBusy

    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection, closing(_opened(source)) as copy:
            raw = connection.connection.driver_connection
            if raw is None:
                raise CopyFailed
            try:
                # One transaction: whoever has it open sees all of it or nothing.
                copy.backup(raw, progress=check)
            except sqlite3.Error as exc:
                raise _failure(exc) from exc
    finally:
        engine.dispose()


def _set_aside(path: Path) -> Path:
    """Move a damaged database away, with its log, which would corrupt the next one."""
    aside = path.with_name(f"{path.name}.broken-{time.time_ns()}")
    for end in ("-wal", "-shm", ""):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    return aside


def _failure(error: sqlite3.Error, broken: type[DatabaseError] = DatabaseBroken) -> DatabaseError:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN:
        return broken.because(error)
    return CopyFailed.because(error)


def _file_of(url: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        raise DatabaseUrlInvalid
    return path


def _opened(source: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(_read_only(source), uri=True)
    opened.execute("PRAGMA trusted_schema = OFF")
    return opened


def _read_only(source: Path) -> str:
    # A copy may lie on a medium that cannot be written.
    return f"{source.resolve().as_uri()}?mode=ro&immutable=1"


def _rows(copy: sqlite3.Connection, question: str) -> int:
    [count] = copy.execute(question).fetchone()
    return int(count)
