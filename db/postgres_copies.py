"""Copies of PostgreSQL: archives of pg_dump, brought back in one transaction of psql."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import URL, Connection, make_url, text

from db.copy_records import CopyContents, CopyCount, count_rows
from db.database import engine_of, translated
from db.errors import CopyDamaged, CopyFailed, CopyForeign, ToolMissing, ToolOutdated
from db.tables import metadata
from db.tally import FUNCTIONS

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


def write_copy(url: str, target: int) -> CopyCount:
    """Write an archive to the open file ``target``; others may write meanwhile.

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
        raise CopyFailed(f"pg_dump: {_said(ran.stderr)}. {CopyFailed.__doc__}")
    return count


def bring_back(url: str, source: Path, *, replace: bool) -> None:
    """Put an archive's tables in place of the database's, all of them or none.

    Raises CopyFailed, ToolMissing.
    """
    said = None
    for _ in range(_TRIES):
        said = _try_to_bring_back(url, source, replace=replace)
        # A worker held one table and wanted another, we the other way round; one had to give in.
        if said is None or "deadlock" not in said:
            break
    if said is not None:
        raise CopyFailed(f"{said}. {CopyFailed.__doc__}")


def _try_to_bring_back(url: str, source: Path, *, replace: bool) -> str | None:
    """Do it in one transaction; return the tools' error, None if it was committed."""
    script = [*_tool("pg_restore"), "--no-owner", "--file=-", str(source)]
    psql = [*_tool("psql"), "--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1"]
    with (
        _reaching(url) as (place, inherited),
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [*psql, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=inherited,
        ) as running,
        subprocess.Popen(script, stdout=subprocess.PIPE, stderr=errors) as reading,
    ):
        if running.stdin is None or reading.stdout is None:
            return "no pipe"
        whole = _pour(reading.stdout, running.stdin, reading, replace=replace)
        if running.wait() == 0 and whole:
            return None
        errors.seek(0)
        return _said(errors.read().decode(errors="replace"))


def _pour(
    script: IO[bytes], psql: IO[bytes], reading: subprocess.Popen[bytes], *, replace: bool
) -> bool:
    """Feed the script to psql; only what was read to its end is committed."""
    # pg_restore --clean drops what the archive holds; tables of a newer schema would stay and
    # stand in the way.
    names = [table.name for table in metadata.sorted_tables] + ["alembic_version"]
    drop = ""
    if replace:
        drop = f"DROP TABLE IF EXISTS {', '.join(names)} CASCADE;\n"
        drop += f"DROP FUNCTION IF EXISTS {', '.join(FUNCTIONS)};\n"
    whole = False
    try:
        with psql:
            psql.write(f"BEGIN;\n{drop}".encode())
            shutil.copyfileobj(script, psql, 1 << 16)
            whole = reading.wait() == 0
            if whole:
                psql.write(b"COMMIT;\n")
    except BrokenPipeError:  # psql ended at the first error
        script.close()
        return False
    return whole


def look_into(source: Path) -> CopyContents:
    """Read an archive to its end. Raises CopyForeign, CopyDamaged, ToolMissing, ToolOutdated."""
    try:
        with source.open("rb") as opened:
            head = opened.read(len(_MAGIC))
    except OSError as exc:
        raise CopyDamaged(f"{source}: {exc.strerror}") from exc
    if head != _MAGIC:
        raise CopyForeign(f"{source}: {CopyForeign.__doc__}")
    tables = frozenset(_TABLE.findall(_read(source, "--list")))
    _read(source, "--file=/dev/null")  # every block of it
    revision = None
    if "alembic_version" in tables:
        lines = _read(source, "--data-only", "--table=alembic_version", "--file=-").splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("COPY ")]
        said = lines[starts[0] + 1] if starts else "\\."
        revision = None if said == "\\." else said
    return CopyContents(tables, revision)


def _read(source: Path, *wanted: str) -> str:
    ran = subprocess.run(
        [*_tool("pg_restore"), *wanted, str(source)], capture_output=True, text=True, check=False
    )
    if "unsupported version" in ran.stderr:
        raise ToolOutdated(f"{source}: {ToolOutdated.__doc__}")
    if ran.returncode != 0:
        raise CopyDamaged(f"{source}: {_said(ran.stderr)}. {CopyDamaged.__doc__}")
    return ran.stdout


@contextmanager
def _reaching(url: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Give a tool's option for the database, and what it inherits: a file with the password.

    The file is in memory alone: neither the list of processes nor a disk ever holds it.
    """
    parsed = make_url(url)
    said = parsed.query.get("options", ())
    options = [said] if isinstance(said, str) else list(said)
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


def _tool(name: str) -> list[str]:
    """Find a tool of PostgreSQL, the newest one, and have it speak English. Raises ToolMissing."""
    packaged = sorted(
        _PACKAGED.glob(f"*/bin/{name}"),
        key=lambda each: int(each.parents[1].name) if each.parents[1].name.isdigit() else 0,
    )
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name}: {ToolMissing.__doc__}")
    return ["env", "LC_ALL=C", found]


def _check_version(dump: Sequence[str], connection: Connection) -> None:
    """Check that pg_dump is no older than the server. Raises ToolOutdated."""
    ran = subprocess.run([*dump, "--version"], capture_output=True, text=True, check=False)
    said = re.search(r"\d+", ran.stdout)
    number = connection.execute(text("SHOW server_version_num")).scalar_one()
    if said is None or int(said.group()) < int(number) // 10_000:
        raise ToolOutdated(f"{ran.stdout.strip()}: {ToolOutdated.__doc__}")


def _said(errors: str) -> str:
    lines = [line for line in errors.splitlines() if "error" in line.lower()]
    return lines[0] if lines else "no reason given"
