"""PostgreSQL rejects the login of its user during work, and later accepts it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from cli.exits import Exit
from db.database import Database
from db.errors import DatabaseLoginFails
from db.query.status import batch_status
from db.states import RunState
from db.training.claims import claim_run
from db.training.records import NewRun, RunPhase
from db.training.runs import find_run, open_run, run_phases
from scheduler.intake.watch import Watch
from testbed.commands import Commands
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from testbed.servers.postgres import PostgresServer
from tests.chaos import witness
from tests.worker.conftest import Bench, made_bench
from worker.run_watcher import RunWatcher
from worker.stop_signal import StopSignal

FILES = 16


@dataclass(frozen=True)
class Login:
    """A role with a password, and ways for its server to reject it."""

    server: PostgresServer
    owner_url: str
    role: str

    @property
    def name(self) -> str:
        """Return the name of the database."""
        return self.owner_url.partition("@/")[2].partition("?")[0]

    @property
    def url(self) -> str:
        """Return the role's URL, with its password."""
        return self.owner_url.replace("//thoraq@", f"//{self.role}:first@")

    def grant(self) -> None:
        """Grant the role access to every table."""
        for kind in ("TABLES", "SEQUENCES"):
            self.execute(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {self.role}")

    def allow(self, how: str) -> None:
        """Set the lines of pg_hba.conf for this role."""
        hba = self.server.data / "pg_hba.conf"
        others = [each for each in hba.read_text().splitlines() if self.role not in each]
        lines = [f"local all {self.role} {how}"] if how else []
        hba.write_text("\n".join([*lines, *others]) + "\n")
        self.execute("SELECT pg_reload_conf()")

    def refuse(self, how: str) -> None:
        """Reject the role in one of the ways, and end its connections."""
        match how:
            case "role locked":
                self.execute(f"ALTER ROLE {self.role} NOLOGIN")
            case "password changed":
                self.execute(f"ALTER ROLE {self.role} PASSWORD 'second'")
            case "pg_hba.conf":
                self.allow("reject")
            case "grants lost":
                self.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {self.role}")
            case "database closed":
                self.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
        self.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.role}'"  # noqa: S608 - a name of ours
        )

    def take_again(self) -> None:
        """Undo every rejection."""
        self.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")
        self.execute(f"ALTER ROLE {self.role} LOGIN PASSWORD 'first'")
        self.allow("scram-sha-256")
        self.grant()

    def execute(self, statement: str) -> None:
        """Run a statement as the server's superuser."""
        within = any(each in statement for each in ("SCHEMA", "OWNED"))
        at = self.owner_url if within else self.server.url("postgres")
        with psycopg.connect(at, autocommit=True) as connection:
            connection.execute(statement.encode())


WAYS = ("role locked", "password changed", "pg_hba.conf", "grants lost", "database closed")


@pytest.fixture
def login(postgres_server: PostgresServer, postgres_url: str) -> Iterator[Login]:
    """Return a new role with access to a database."""
    made = Login(postgres_server, postgres_url, f"r_{uuid4().hex[:8]}")
    made.execute(f"CREATE ROLE {made.role}")
    made.take_again()
    yield made
    made.take_again()
    made.allow("")
    made.execute(f"DROP OWNED BY {made.role}")
    made.execute(f"DROP ROLE {made.role}")


@pytest.mark.slow
def test_a_login_refused_during_a_batch_fails_no_file(
    login: Login, redis_url: str, tmp_path: Path
) -> None:
    owner = Database.open(login.owner_url)
    witness.call_witness(owner)
    login.grant()
    written = 0
    with made_bench(login.url, redis_url, tmp_path) as bench:
        bench.archive.mkdir()
        stop = threading.Event()
        watching = threading.Thread(target=watch_of(bench).run, args=(stop,))
        watching.start()

        def measured() -> int:
            return batch_status(owner, "routine").measured

        try:
            with bench.stack() as stack, capture_logs() as logs:
                for number, way in enumerate(WAYS):
                    before = {name: told(bench, name) for name in ("cpu0", "upkeep")}
                    logs.clear()
                    write_radiographs(bench.archive, FILES, seed=number)
                    assert eventually(lambda: batch_status(owner, "routine").running)
                    login.refuse(way)
                    for name, count in before.items():
                        more = eventually(lambda n=name, c=count: told(bench, n) > c)  # type: ignore[misc]
                        assert more, (way, bench.log(name))
                    waits = {
                        "event": "waiting for the database",
                        "code": DatabaseLoginFails.code,
                    }
                    assert eventually(lambda: any(waits.items() <= line.items() for line in logs))  # noqa: B023
                    assert watching.is_alive(), way
                    login.take_again()
                    written += FILES
                    deadline = time.monotonic() + 90
                    while measured() < written and time.monotonic() < deadline:
                        stack.tend()
                        time.sleep(0.05)
                    assert measured() == written, way
                restarts = sum(each.restarts for each in stack.members)
        finally:
            login.take_again()
            stop.set()
            watching.join()
        ledger = batch_status(owner, "routine")
        assert (ledger.failed, ledger.set_aside, ledger.open) == (0, 0, 0)
        said = witness.testify(owner)
        assert (said.twice, said.unexplained, len(said.results)) == (0, 0, written)
        assert restarts == 0
        assert "Traceback" not in bench.log() + bench.log("upkeep")
        assert "fault of thoraq" not in bench.log() + bench.log("upkeep")
    owner.dispose()


def told(bench: Bench, name: str) -> int:
    """Return how often a process reported that its login is refused."""
    return bench.log(name).count(DatabaseLoginFails.code)


def watch_of(bench: Bench) -> Watch:
    """Return a watch of the archive with short intervals."""
    quick = bench.settings.model_copy(update={"watch_seconds": 0.1, "settle_seconds": 0.1})
    return Watch(bench.database, bench.archive, quick, batch="routine")


def test_a_login_refused_during_training_does_not_end_the_run(
    login: Login,
) -> None:
    owner, database = Database.open(login.owner_url), Database.open(login.url)
    run = open_run(database, NewRun("night", "/films", {}))
    claim = claim_run(database, run.id, "trainer", "cpu", 60.0)
    assert claim is not None
    watcher = RunWatcher(database, claim.owner, StopSignal(), 60.0)
    login.refuse("role locked")
    result = RunPhase(
        *(0, 0, "baseline", True, "first", 1.0),
        *(None, None, None, None, 10, 1.0, {}),
    )
    with capture_logs() as logs:
        storing = threading.Thread(target=watcher.phase_ended, args=(result,))
        storing.start()
        assert eventually(lambda: any(DatabaseLoginFails.code in line.values() for line in logs))
        login.take_again()
        storing.join(30)
    assert [each.phase_name for each in run_phases(owner, run.id)] == ["baseline"]
    assert find_run(owner, "night").state is RunState.RUNNING
    for each in (owner, database):
        each.dispose()


@pytest.mark.parametrize("way", WAYS)
def test_a_command_with_a_refused_login_ends_at_once_with_one_line(
    login: Login, way: str, tmp_path: Path
) -> None:
    commands = Commands(tmp_path, {"THORAQ_DATABASE_URL": login.url})
    login.refuse(way)
    ran = commands.run("status")
    assert ran.returncode == Exit.DATABASE
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"error [{DatabaseLoginFails.code}]: ")
    assert "first" not in line  # its password
