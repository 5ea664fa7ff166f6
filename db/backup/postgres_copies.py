"""Copies of PostgreSQL: archives of pg_dump, whose rows are restored in one transaction."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import IntegrityError

from db import migration
from db.backup.archive_text import Rows, tables_in
from db.backup.empty_tables import without_constraints
from db.backup.known_schema import VERSION_TABLE, archive_entries, columns_of, missing_tables, shown
from db.backup.records import CopyContents, CopyCount, check_magic, count_rows
from db.engine import engine_of
from db.errors import (
    CopyDamaged,
    CopyFailed,
    CopyForeign,
    CopyUntrusted,
    DatabaseBusy,
    ToolMissing,
    ToolOutdated,
)
from db.schema import HEAD
from db.tables import metadata
from db.tally import FUNCTIONS
from db.translation import translated

_MAGIC = b"PGDMP"
_LOCK_TIMEOUT = "30s"
#: Tries of a restore that workers get into a deadlock with.
_TRIES = 5
#: Where distributions keep every version's tools; the newest reads what the older ones wrote.
_PACKAGED = Path("/usr/lib/postgresql")
#: Secrets that a URL's query may hold; they would stand in the list of processes.
_SECRETS = frozenset({"password", "sslpassword"})
#: A line of pg_restore's list: number, table of the catalogue, object, kind, schema, name, owner.
_TABLE = re.compile(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ", re.MULTILINE)
_ENTRY = re.compile(r"^\d+; \d+ \d+ (.*)$", re.MULTILINE)


def write_copy(url: str, target: int) -> CopyCount:
    """Write an archive to the open file ``target``; others may write at the same time.

    Raises CopyFailed, ToolMissing, ToolOutdated, DatabaseAway, SchemaOutdated.
    """
    dump = _tool("pg_dump")
    engine = engine_of(url).execution_options(isolation_level="REPEATABLE READ")
    try:
        with translated(), engine.begin() as connection:
            _check_version(dump, connection)
            # It does nothing as long as the archive is written, which servers may forbid.
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            moment: str = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            count = count_rows(connection)
            with _reaching(url) as (place, inherited):
                wanted = ["--format=custom", "--no-owner", f"--snapshot={moment}"]
                # What others keep in the database is theirs; a restore would refuse the copy.
                wanted += [f"--table={table.name}" for table in metadata.sorted_tables]
                wanted += [f"--table={VERSION_TABLE}", "--no-privileges", "--no-comments"]
                ran = subprocess.run(
                    [*dump, "--no-password", place, *wanted],
                    stdout=target,
                    stderr=subprocess.PIPE,
                    text=True,
                    pass_fds=inherited,
                    check=False,
                )
    finally:
        engine.dispose()
    if ran.returncode != 0:
        raise CopyFailed.because(f"pg_dump: {_last_error(ran.stderr)}")
    return count


def bring_back(url: str, source: Path, *, replace: bool) -> None:
    """Replace the database's rows by an archive's, all or none; upgrade an older schema.

    Only rows are read from the archive: the schema is newly created. Raises CopyForeign,
    CopyUntrusted, CopyDamaged, CopyFailed, DatabaseBusy, ToolMissing.
    """
    revision = look_into(source).revision
    if revision is None:
        raise CopyForeign.about(source)
    for tried in range(_TRIES):
        try:
            _try_to_bring_back(url, source, revision, replace=replace)
        except DatabaseBusy as exc:
            # A worker held one table and wanted another, we the other way round; one gave in.
            if "deadlock" not in str(exc) or tried == _TRIES - 1:
                raise
        else:
            return


def _try_to_bring_back(url: str, source: Path, revision: str, *, replace: bool) -> None:
    columns = columns_of(revision)
    with migration.lone_transaction(url) as connection:
        # It does nothing while the archive is read, and makes indexes at once.
        for limit in ("idle_in_transaction_session_timeout", "statement_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
        if replace:
            # Every unit of work reads the version first: dropped first, none holds what is next.
            names = [VERSION_TABLE, *(table.name for table in metadata.sorted_tables)]
            connection.execute(text(f"DROP TABLE IF EXISTS {', '.join(names)} CASCADE"))
            connection.execute(text(f"DROP FUNCTION IF EXISTS {', '.join(FUNCTIONS)}"))
        migration.apply(connection, revision)
        try:
            with without_constraints(connection, columns):
                _take_rows(connection, source, columns)
        except IntegrityError as exc:
            raise CopyDamaged.because(f"{source}: rows contradict each other") from exc
        migration.apply(connection)


def _take_rows(connection: Connection, source: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Copy an archive's rows into our own tables; only values of it reach the server."""
    raw = connection.connection.driver_connection
    command = [*_tool("pg_restore"), "--data-only", "--file=-", str(source.absolute())]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as reading,
    ):
        if raw is None or reading.stdout is None:
            raise CopyFailed
        try:
            for rows in tables_in(reading.stdout, columns):
                _take_table(raw, rows, known=rows.table in columns)
        except psycopg.OperationalError as exc:
            raise CopyFailed.because(type(exc).__name__) from exc
        except psycopg.Error as exc:
            reason = exc.sqlstate or type(exc).__name__
            raise CopyDamaged.because(f"{source}: {reason} in {rows.table}") from exc
        except (CopyUntrusted, CopyDamaged) as exc:
            raise type(exc)(f"{source}: {exc}") from exc
        if reading.wait() != 0:
            errors.seek(0)
            reason = _last_error(errors.read().decode(errors="replace"))
            raise CopyDamaged.because(f"{source}: {reason}")


def _take_table(raw: psycopg.Connection[Any], rows: Rows, *, known: bool) -> None:
    if not known:  # the revision, which the migrations have written
        for _ in rows.pieces:
            pass
        return
    with raw.cursor() as cursor:
        # What the rows are written in, for as long as they come.
        cursor.execute("SELECT set_config('client_encoding', %s, false)", [rows.encoding])
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(rows.table), sql.SQL(", ").join(map(sql.Identifier, rows.columns))
        )
        with cursor.copy(statement) as taking:
            for piece in rows.pieces:
                taking.write(piece)
        cursor.execute("SELECT set_config('client_encoding', 'UTF8', false)")


def look_into(source: Path) -> CopyContents:
    """Return the contents that an archive lists; nothing of it is executed.

    Raises CopyForeign, CopyDamaged, CopyUntrusted, ToolMissing, ToolOutdated.
    """
    check_magic(source, _MAGIC)
    listed = _read(source, "--list")
    tables = frozenset(_TABLE.findall(listed))
    revision = None
    if VERSION_TABLE in tables:
        script = _read(source, "--data-only", f"--table={VERSION_TABLE}", "--file=-")
        try:
            for rows in tables_in(io.BytesIO(script.encode()), {}):
                revision = b"".join(rows.pieces).decode().strip() or None
        except (CopyUntrusted, CopyDamaged) as exc:
            raise type(exc)(f"{source}: {exc}") from exc
    return CopyContents(tables, revision, listed=tuple(_ENTRY.findall(listed)))


def schema_differences(contents: CopyContents) -> list[str]:
    """Return how an archive's contents differ from the schema of its revision."""
    revision = contents.revision or HEAD
    known = archive_entries(revision)
    found = [shown(line) for line in contents.listed if known.fullmatch(line) is None]
    return [*found, *missing_tables(contents.tables, revision)]


def read_through(source: Path) -> None:
    """Read an archive to its end. Raises CopyDamaged, ToolMissing, ToolOutdated."""
    _read(source, "--file=/dev/null")  # every block of it


def _read(source: Path, *wanted: str) -> str:
    command = [*_tool("pg_restore"), *wanted, str(source.absolute())]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if "unsupported version" in ran.stderr:
        raise ToolOutdated.about(source)
    if ran.returncode != 0:
        raise CopyDamaged.because(f"{source}: {_last_error(ran.stderr)}")
    return ran.stdout


@contextmanager
def _reaching(url: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield a tool's option for the database, and the files it inherits: one with the password.

    That file is in memory only: the password appears in no list of processes and on no disk.
    """
    parsed = make_url(url)
    given = parsed.query.get("options", ())
    options = [given] if isinstance(given, str) else list(given)
    query = {name: value for name, value in parsed.query.items() if name not in _SECRETS}
    query["options"] = " ".join([*options, f"-c lock_timeout={_LOCK_TIMEOUT}"])
    password = parsed.password or parsed.query.get("password")
    secret = os.memfd_create("password")
    try:
        if isinstance(password, str):
            escaped = password.replace("\\", "\\\\").replace(":", "\\:")
            os.fchmod(secret, 0o600)
            os.write(secret, f"*:*:*:*:{escaped}\n".encode())
            query["passfile"] = f"/proc/self/fd/{secret}"
        query.update(_servers(parsed))
        shown = URL.create(
            "postgresql",
            username=parsed.username,
            host=parsed.host,
            port=parsed.port,
            database=parsed.database,
            query=query,
        )
        # SQLAlchemy writes a space of the query as +, which libpq takes for a plus.
        place = shown.render_as_string(hide_password=False).replace("+", "%20")
        yield f"--dbname={place}", (secret,)
    finally:
        os.close(secret)


def _servers(url: URL) -> dict[str, str]:
    """Return the hosts and ports of a URL with several servers, in the form of libpq."""
    named = url.query.get("host", ())
    if isinstance(named, str):
        return {}
    servers = [re.fullmatch(r"(.*?)(?::(\d+))?", each) for each in named]
    hosts, ports = zip(*(each.groups("") for each in servers if each is not None), strict=True)
    return {"host": ",".join(hosts), "port": ",".join(ports)}


def _tool(name: str) -> list[str]:
    """Return the command of PostgreSQL's newest such tool, in English. Raises ToolMissing."""
    packaged = sorted(
        _PACKAGED.glob(f"*/bin/{name}"),
        key=lambda each: int(each.parents[1].name) if each.parents[1].name.isdigit() else 0,
    )
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise ToolMissing.about(name)
    return ["env", "LC_ALL=C", found]


def _check_version(dump: Sequence[str], connection: Connection) -> None:
    """Check that pg_dump is no older than the server. Raises ToolOutdated."""
    ran = subprocess.run([*dump, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\d+", ran.stdout)
    number = connection.execute(text("SHOW server_version_num")).scalar_one()
    if version is None or int(version.group()) < int(number) // 10_000:
        raise ToolOutdated.about(ran.stdout.strip())


def _last_error(errors: str) -> str:
    lines = [line for line in errors.splitlines() if "error" in line.lower()]
    return lines[0] if lines else "no reason given"
