"""A site of four machines, set up as documented, that measure a common folder."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from db.database import Database
from db.query.status import batch_status
from db.records import BatchStatus
from scheduler.settings import process_environment
from testbed.patience import eventually
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis import binary
from tests.chaos import witness
from tests.hosts.manual import Manual
from tests.hosts.namespaces import Host, Network

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
#: Shorter times than an operator would set, so that tests are fast.
QUICK = {
    "THORAQ_CHUNK_SIZE": "4",
    "THORAQ_LEASE_SECONDS": "4",
    "THORAQ_UPKEEP_SECONDS": "0.5",
    "THORAQ_RESEND_SECONDS": "10",
    "THORAQ_RETRY_SECONDS": "0.2",
    "THORAQ_READERS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
}


class Machine:
    """A host with a working directory and a separate state folder."""

    def __init__(self, host: Host, folder: Path, settings: str) -> None:
        self.host = host
        self._folder = folder
        folder.mkdir()
        file = folder / "thoraq.env"
        file.touch(mode=0o600)
        file.write_text(settings, encoding="utf-8")
        self._environment = {
            **process_environment(),
            **QUICK,
            "THORAQ_STATE": str(folder / "state"),
        }
        # It keeps the tests from this machine's settings; each host has its own file.
        self._environment.pop("THORAQ_ENV_FILE", None)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command of thoraq there; `log` returns its output."""
        command = [sys.executable, "-m", "cli", *words]
        log = self._folder / f"{words[0]}.log"
        return self.host.start(command, self._environment, self._folder, log)

    def log(self, command: str) -> str:
        """Return the output of a command."""
        return (self._folder / f"{command}.log").read_text(encoding="utf-8")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of thoraq there to its end."""
        return self.run_python("-m", "cli", *words)

    def run_python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python there to its end."""
        return subprocess.run(
            [*self.host.within, sys.executable, *words],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def start_python(self, source: str, *words: str) -> subprocess.Popen[bytes]:
        """Start Python code there; `log("-c")` returns its output."""
        command = [sys.executable, "-c", source, *words]
        log = self._folder / "-c.log"
        return self.host.start(command, self._environment, self._folder, log)

    def checks(self) -> dict[str, dict[str, Any]]:
        """Return the doctor's checks there by name; the last one of a name."""
        ran = self.run("doctor", "--json")
        assert ran.returncode in {0, 4}, ran.stderr
        return {each["name"]: each for each in json.loads(ran.stdout)}


class Site:
    """The machines: ``keeper`` of broker and database, two ``workers`` and an ``operator``."""

    def __init__(self, network: Network, folder: Path, archive: Path) -> None:
        self._network = network
        self._folder = folder
        self.manual = Manual(
            {
                "REDIS-PASSWORD": secrets.token_hex(32),
                "DATABASE-PASSWORD": secrets.token_hex(32),
                "PATIENT-KEY": secrets.token_hex(32),
                "/srv/archive": str(archive),
            }
        )
        self._staying: list[subprocess.Popen[bytes]] = []
        self.keeper = network.host("keeper", "10.0.0.1")
        self.workers = [self.machine(f"worker{n}", f"10.0.0.{1 + n}") for n in (1, 2)]
        self.operator = self.machine("operator", "10.0.0.4")
        self._postgres = PostgresServer.in_temporary_folder(
            superuser="postgres", within=self.keeper.within
        )

    def machine(self, name: str, address: str) -> Machine:
        """Add a machine with the settings file."""
        host = self._network.host(name, address)
        return Machine(host, self._folder / name, self.manual.text("thoraq.env"))

    @contextmanager
    def open(self) -> Iterator[Site]:
        """Start everything as documented; ``database`` is connected by a socket."""
        with ExitStack() as stack:
            stack.callback(self._postgres.remove)
            self._start_postgres()
            self._start_redis()
            for words in self.manual.commands("scheduler"):
                self.follow(self.operator, words)
            # With the workers' role, which writes to the tables of the witness.
            url = self._postgres.url("thoraq").replace("//postgres@", "//thoraq@")
            self.database = Database.open(url)
            stack.callback(self.database.dispose)
            witness.call_witness(self.database)
            for machine in self.workers:
                for words in self.manual.commands("worker"):
                    self.follow(machine, words)
            ready = eventually(lambda: all(" ready" in each.log("worker") for each in self.workers))
            assert ready, [each.log("worker") for each in self.workers]
            yield self

    def follow(self, machine: Machine, words: Sequence[str]) -> str:
        """Run a documented command; return its output, empty for a process that keeps running."""
        if words[0] in {"scheduler", "worker"}:
            self._staying.append(machine.start(*words))
            return ""
        ran = machine.run(*words)
        assert ran.returncode == 0, f"{words}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def exited(self) -> list[int]:
        """Return the exit codes of scheduler and workers that ended."""
        codes = (each.poll() for each in self._staying)
        return [code for code in codes if code is not None]

    def submit(self, folder: Path, batch: str) -> None:
        """Submit a folder from the operator's machine."""
        ran = self.operator.run("submit", str(folder), "--batch", batch)
        assert ran.returncode == 0, ran.stderr

    def status(self, batch: str) -> BatchStatus:
        """Return a batch's ledger."""
        return batch_status(self.database, batch)

    def ends(self, batch: str, seconds: float = 60.0) -> bool:
        """Wait until every file of a batch has ended."""
        return eventually(lambda: self.status(batch).open == 0, seconds)

    def holders(self, batch: str) -> set[str]:
        """Return the workers that have claimed files of a batch."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT DISTINCT job.worker FROM job JOIN file ON file.job_id = job.id"
                " JOIN batch ON batch.id = file.batch_id"
                " WHERE batch.name = %s AND job.state = 'running'",
                [batch],
            ).fetchall()
        return {row[0] for row in rows}

    def connections_of(self, address: str) -> int:
        """Return how many connections the database still has with an address."""
        with self._connected() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s::inet", [address]
            ).fetchone()
        assert row is not None
        return int(row[0])

    def freeze(self) -> None:
        """Freeze the workers."""
        for each in self.workers:
            each.host.signal(signal.SIGSTOP)

    def freeze_holding(self, machine: Machine, batch: str) -> None:
        """Suspend a machine while its worker holds files of a batch."""
        name = f"cpu0@{machine.host.name}"

        def frozen() -> bool:
            if name not in self.holders(batch):
                return False
            machine.host.signal(signal.SIGSTOP)
            if name in self.holders(batch):
                return True
            machine.host.signal(signal.SIGCONT)
            return False

        # After a cut link the machine has to detect its dead connections first.
        assert eventually(frozen, 180), f"{name} held nothing; {self.status(batch)}"

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._postgres.url("thoraq"), autocommit=True)

    def _start_postgres(self) -> None:
        self._postgres.prepare()
        for name in ("postgresql.conf", "pg_hba.conf"):
            with (self._postgres.data / name).open("a", encoding="utf-8") as file:
                file.write(f"\n{self.manual.text(name)}")
        self._postgres.start()
        with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
            for statement in self.manual.text("role").splitlines():
                connection.execute(statement.encode())

    def _start_redis(self) -> None:
        folder = self._folder / "redis"
        folder.mkdir()
        settings = folder / "redis.conf"
        settings.write_text(f"dir {folder}\n{self.manual.text('redis.conf')}", encoding="utf-8")
        log = folder / "log"
        self.keeper.start([binary(), str(settings)], dict(os.environ), folder, log)  # noqa: TID251
        assert eventually(lambda: b"Ready to accept" in log.read_bytes()), log.read_text()
