"""A real PostgreSQL server of our own, in a temporary folder, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from testbed.checkout import ROOT
from testbed.processes import ending_with_us

_BRING = ROOT / "deploy" / "test-servers.sh"
_START_SECONDS = 60.0
#: Without fsync: rows can be lost only if the machine crashes, not the server.
_QUICK = ("-c", "max_connections=60", "-F")
#: Makes a standby reconnect to its primary at once.
_QUICK_STANDBY = ("-c", "wal_retrieve_retry_interval=200ms")


class NoPostgres(Exception):
    """PostgreSQL is not installed; run `make servers`."""


def binaries() -> Path:
    """Return the folder of initdb and postgres; as root, install them if needed.

    Raises NoPostgres.
    """
    if os.geteuid() == 0 and _found() is None:
        subprocess.run(["sh", str(_BRING), sys.executable], check=False, capture_output=True)
    found = _found()
    if found is None:
        raise NoPostgres(NoPostgres.__doc__)
    return found


def _found() -> Path | None:
    on_path = shutil.which("initdb")
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    beside_python = Path(sys.executable).parent / "initdb"
    candidates = [Path(on_path)] if on_path else []
    for initdb in [*candidates, *reversed(packaged), beside_python]:
        folder = initdb.resolve().parent  # postgres is next to the target of a link
        if (folder / "postgres").exists():
            return folder
    return None


def _version(initdb: Path) -> int:
    name = initdb.parents[1].name
    return int(name) if name.isdigit() else 0


class PostgresServer:
    """A server; every test gets a separate database."""

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = _QUICK,
        superuser: str = "thoraq",
        within: Sequence[str] = (),
    ) -> None:
        """``options``: of the server's command line.

        ``within``: prefix of its command, for a server on another host, which then listens as its
        settings say.
        """
        self._superuser = superuser
        self._within = within
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        # initdb refuses to run as root: the server then runs as a user who owns its folder.
        self._uid: int | None = None
        self._gid: int | None = None
        self._groups: list[int] | None = None
        if os.geteuid() == 0:
            self._uid, self._gid = _server_user()
            self._groups = []

    @classmethod
    def in_temporary_folder(
        cls,
        options: Sequence[str] = _QUICK,
        superuser: str = "thoraq",
        within: Sequence[str] = (),
    ) -> PostgresServer:
        """Return a server in a folder whose path is short enough for a socket."""
        folder = Path(tempfile.mkdtemp(prefix="thoraq-pg-", dir="/tmp"))
        return cls(folder, options, superuser, within)

    @property
    def pid(self) -> int | None:
        """Return the process id, None if it is not running."""
        return self._process.pid if self._process is not None else None

    @property
    def socket(self) -> str:
        """Return the path of the socket it listens on."""
        return f"{self._folder}/.s.PGSQL.5432"

    def url(self, name: str) -> str:
        """Return the URL of a database for SQLAlchemy and psycopg."""
        return f"postgresql://{self._superuser}@/{name}?host={self._folder}"

    def same_database(self, url: str) -> str:
        """Return the URL of the database with the same name on this server."""
        return self.url(url.partition("@/")[2].partition("?")[0])

    def url_with(self, standby: PostgresServer, url: str) -> str:
        """Return the URL of a database on the writable one of the two servers."""
        name = url.partition("@/")[2].partition("?")[0]
        hosts = f"host={self._folder}&host={standby._folder}"
        return f"postgresql://thoraq@/{name}?{hosts}&target_session_attrs=read-write"

    def start_standby(self) -> PostgresServer:
        """Start a synchronous standby of this server, for which every commit waits.

        So no confirmed transaction is lost when the standby is promoted.
        """
        standby = PostgresServer.in_temporary_folder((*self._options, *_QUICK_STANDBY))
        standby._own_folder()
        self._run(
            [
                *(str(binaries() / "pg_basebackup"), "-h", str(self._folder), "-U", "thoraq"),
                *("-D", str(standby._folder / "data"), "--write-recovery-conf", "--no-sync"),
                *("--checkpoint=fast", "--wal-method=stream"),
            ]
        )
        standby.start()
        self.configure("synchronous_standby_names", "*")
        deadline = time.monotonic() + _START_SECONDS
        while not self.ask("SELECT true FROM pg_stat_replication WHERE sync_state = 'sync'"):
            if time.monotonic() > deadline:
                raise RuntimeError("the standby does not replicate")
            time.sleep(0.02)
        return standby

    def promote(self) -> None:
        """Promote a standby to primary."""
        self.ask("SELECT pg_promote()")

    def configure(self, setting: str, value: str) -> None:
        """Change a setting of the running server."""
        self._execute(
            sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), sql.Literal(value))
        )
        self.ask("SELECT pg_reload_conf()")

    def ask(self, question: LiteralString) -> bool:
        """Run a query with one value as its result; return whether it is true."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute(question).fetchone()
        return row is not None and bool(row[0])

    @property
    def data(self) -> Path:
        """Return the folder of the cluster, with its settings."""
        return self._folder / "data"

    def prepare(self) -> None:
        """Create the cluster if there is none. Raises NoPostgres."""
        folder = binaries()
        data = self.data
        self._own_folder()
        if not data.exists():
            self._run(
                [
                    *(
                        str(folder / "initdb"),
                        "-D",
                        str(data),
                        "-U",
                        self._superuser,
                        "--auth=trust",
                    ),
                    *("--encoding=UTF8", "--no-locale", "--no-sync"),
                ]
            )

    def start(self) -> None:
        """Create the cluster if there is none, and start the server. Raises NoPostgres."""
        self.prepare()
        command = [str(binaries() / "postgres"), "-D", str(self.data), "-k", str(self._folder)]
        command += self._options
        user: dict[str, Any] = {
            "user": self._uid,
            "group": self._gid,
            "extra_groups": self._groups,
        }
        if self._within:
            # nsenter runs as root; the command then switches to the server's user.
            names = ("--reuid", str(self._uid), "--regid", str(self._gid), "--clear-groups")
            command = [*self._within, "setpriv", *names, "--pdeathsig", "QUIT", *command]
            user = {}
        else:
            command += ["-h", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=ending_with_us(signal.SIGQUIT),  # noqa: PLW1509 - prctl alone
                **user,
            )
        self._wait()

    def create(self, template: str = "template1") -> str:
        """Create a database from a template; return its URL."""
        name = f"t_{uuid4().hex[:12]}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, even with open connections."""
        name = url.partition("@/")[2].partition("?")[0]
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute(statement.format(sql.Identifier(name)))

    def kill(self) -> None:
        """Kill the server; `start` recovers it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _own_folder(self) -> None:
        if self._uid is not None and self._gid is not None:
            os.chown(self._folder, self._uid, self._gid)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"PostgreSQL does not start:\n{log[-2000:]}")

    def _run(self, command: list[str]) -> None:
        ran = subprocess.run(
            command,
            cwd=self._folder,
            capture_output=True,
            check=False,
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
        )
        if ran.returncode != 0:
            raise RuntimeError(f"{command[0]}: {ran.stderr.decode(errors='replace')}")


def _server_user() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise NoPostgres("PostgreSQL refuses root, and neither user `postgres` nor `nobody` exists")


@contextmanager
def replicated(
    prepare: Callable[[str], object],
) -> Iterator[tuple[PostgresServer, PostgresServer, str]]:
    """Give a primary, its standby, and the URL of a database on whichever takes writes.

    ``prepare`` is called with the database's URL on the primary, before the standby is made.
    """
    primary = PostgresServer.in_temporary_folder()
    standby = None
    try:
        primary.start()
        url = primary.create()
        prepare(url)
        standby = primary.start_standby()
        yield primary, standby, primary.url_with(standby, url)
    finally:
        primary.remove()
        if standby is not None:
            standby.remove()
