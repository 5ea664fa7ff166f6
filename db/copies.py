"""Copies: the whole database in one file, taken while others write, and brought back.

A copy of SQLite is a database file, one of PostgreSQL an archive of pg_dump. Either holds what
stood at one moment.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, func, inspect, make_url, select

from db.audit import Action, note
from db.database import Database, engine_of, moment, translated
from db.errors import (
    CopyDamaged,
    CopyExists,
    CopyFailed,
    CopyForeign,
    DatabaseNotEmpty,
    ToolMissing,
)
from db.outbox import resend_all
from db.records import CopyCount
from db.schema import check_revision, upgrade
from db.tables import batch, file, job, measurement
from db.training_runs import resend_runs

_SQLITE_MAGIC = b"SQLite format 3\0"
_DUMP_MAGIC = b"PGDMP"
_LOCK_TIMEOUT = "30s"


def back_up(url: str, target: Path, *, replace: bool = False) -> CopyCount:
    """Write the database at ``url`` to ``target``; an interruption leaves what was there.

    Raises CopyExists, CopyFailed, ToolMissing, DatabaseAway, SchemaOutdated.
    """
    if target.exists() and not replace:
        raise CopyExists(f"{target}: {CopyExists.__doc__}")
    count = _count(url)
    half = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        try:
            # It holds results: nobody else may read it, from its first byte on.
            os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            if _is_sqlite(url):
                _copy_sqlite(url, half)
            else:
                _run("pg_dump", url, ["--format=custom", "--no-owner", f"--file={half}"])
            _make_durable(half)
            half.replace(target)
            _make_durable(target.parent)
        except OSError as exc:
            raise CopyFailed(f"{target}: {exc.strerror}. {CopyFailed.__doc__}") from exc
    finally:
        half.unlink(missing_ok=True)
    return count


def restore(url: str, source: Path, *, replace: bool = False) -> CopyCount:
    """Bring a copy back, all of it or nothing; what waits in it is sent again.

    Jobs and runs that were at work when it was taken come back when their leases are found over.
    Raises CopyForeign, CopyDamaged, DatabaseNotEmpty, SchemaNewer, ToolMissing, DatabaseAway.
    """
    sqlite = _is_sqlite(url)
    check_copy(source, sqlite=sqlite)
    if not replace and _has_tables(url):
        raise DatabaseNotEmpty(DatabaseNotEmpty.__doc__)
    if sqlite:
        _restore_sqlite(url, source)
    else:
        whole = ["--single-transaction", "--exit-on-error", "--no-owner"]
        _run(
            "pg_restore",
            url,
            [*whole, *(["--clean", "--if-exists"] if replace else []), str(source)],
        )
    upgrade(url)
    database = Database.open(url)
    try:
        resend_all(database)
        resend_runs(database)
        with database.write() as connection:
            note(connection, Action.RESTORE, source.name, moment(connection, None))
    finally:
        database.dispose()
    return _count(url)


def check_copy(source: Path, *, sqlite: bool) -> None:
    """Check that a file is a sound copy for this kind of database, of no newer schema.

    Raises CopyForeign, CopyDamaged, SchemaNewer.
    """
    try:
        with source.open("rb") as opened:
            head = opened.read(16)
    except OSError as exc:
        raise CopyDamaged(f"{source}: {exc.strerror}") from exc
    if not head.startswith(_SQLITE_MAGIC if sqlite else _DUMP_MAGIC):
        raise CopyForeign(f"{source}: {CopyForeign.__doc__}")
    check_revision(_sqlite_revision(source) if sqlite else _dump_revision(source))


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _copy_sqlite(url: str, target: Path) -> None:
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
                raise CopyFailed(f"{exc}. {CopyFailed.__doc__}") from exc
    finally:
        engine.dispose()


def _restore_sqlite(url: str, source: Path) -> None:
    engine = engine_of(url)
    path = Path(str(make_url(url).database))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with translated(), engine.connect() as connection, closing(_opened(source)) as copy:
            raw = connection.connection.driver_connection
            if raw is None:
                raise CopyFailed(CopyFailed.__doc__)
            try:
                copy.backup(raw)  # one transaction: whoever has it open sees all of it or nothing
            except sqlite3.Error as exc:
                raise CopyFailed(f"{exc}. {CopyFailed.__doc__}") from exc
    finally:
        engine.dispose()


def _opened(source: Path) -> sqlite3.Connection:
    # A copy may lie on a medium that cannot be written.
    return sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _sqlite_revision(source: Path) -> str:
    try:
        with closing(_opened(source)) as copy:
            [said] = copy.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise CopyDamaged(f"{source}: {said}. {CopyDamaged.__doc__}")
            row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as exc:  # no such table
        raise CopyForeign(f"{source}: {CopyForeign.__doc__}") from exc
    except sqlite3.DatabaseError as exc:
        raise CopyDamaged(f"{source}: {exc}. {CopyDamaged.__doc__}") from exc
    return str(row[0]) if row else ""


def _dump_revision(source: Path) -> str:
    command = [_tool("pg_restore"), "--data-only", "--table=alembic_version", "--file=-"]
    ran = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CopyDamaged(f"{source}: {_said(ran.stderr)}. {CopyDamaged.__doc__}")
    lines = ran.stdout.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("COPY ")]
    if not starts:
        raise CopyForeign(f"{source}: {CopyForeign.__doc__}")
    # The whole archive has to be readable, not the little that was asked for.
    whole = subprocess.run(
        [_tool("pg_restore"), "--file=/dev/null", str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if whole.returncode != 0:
        raise CopyDamaged(f"{source}: {_said(whole.stderr)}. {CopyDamaged.__doc__}")
    return lines[starts[0] + 1]


def _run(tool: str, url: str, arguments: Sequence[str]) -> None:
    """Run a tool of PostgreSQL on the database; its password travels in a file of ours."""
    parsed = make_url(url)
    with tempfile.TemporaryDirectory(prefix="thoraq-") as folder:
        secret = Path(folder) / "password"
        secret.touch(mode=0o600)
        escaped = str(parsed.password or "").replace("\\", "\\\\").replace(":", "\\:")
        secret.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
        query = dict(parsed.query) | {"options": f"-c lock_timeout={_LOCK_TIMEOUT}"}
        query |= {} if parsed.password is None else {"passfile": str(secret)}
        shown = URL.create(
            "postgresql",
            username=parsed.username,
            host=parsed.host,
            port=parsed.port,
            database=parsed.database,
            query=query,
        )
        dbname = f"--dbname={_libpq(shown)}"
        ran = subprocess.run(
            [_tool(tool), "--no-password", dbname, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode != 0:
        raise CopyFailed(f"{tool}: {_said(ran.stderr)}. {CopyFailed.__doc__}")


def _libpq(url: URL) -> str:
    # SQLAlchemy writes a space of the query as +, which libpq takes for a plus.
    return url.render_as_string(hide_password=False).replace("+", "%20")


def _tool(name: str) -> str:
    """Find a tool of PostgreSQL, the newest one. Raises ToolMissing."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda each: int(each.parents[1].name) if each.parents[1].name.isdigit() else 0,
    )
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name}: {ToolMissing.__doc__}")
    return found


def _said(errors: str) -> str:
    return next((line for line in errors.splitlines() if "error" in line), "no reason given")


def _has_tables(url: str) -> bool:
    engine = engine_of(url)
    try:
        with translated(), engine.connect() as connection:
            return inspect(connection).has_table("alembic_version")
    finally:
        engine.dispose()


def _count(url: str) -> CopyCount:
    database = Database.open(url)
    try:
        with database.read() as connection:
            numbers = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (batch, file, job, measurement)
            ]
    finally:
        database.dispose()
    return CopyCount(*numbers)


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
