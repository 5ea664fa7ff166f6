"""The PostgreSQL role of compose.yaml: exactly the privileges that the commands need."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from ruamel.yaml import YAML

from db import schema
from db.backup.copies import back_up, restore
from db.backup.postgres_copies import _tool
from db.database import Database
from migrations.views import VIEWS
from scheduler.settings import process_environment
from testbed.checkout import ROOT
from testbed.records import measure_all, seen, submit
from testbed.servers.postgres import PostgresServer

DEPLOY = ROOT / "deploy"
PAGE = ROOT / "docs" / "results.md"
COUNTED = sql.SQL("SELECT count(*) FROM {}")


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """Yield a server whose superuser is called as the image calls it, set up as compose does it."""
    del postgres_server  # skips these tests without PostgreSQL
    own = PostgresServer.in_temporary_folder(superuser="postgres")
    own.start()
    ran = subprocess.run(
        [
            *_tool("psql"),
            *("--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={DEPLOY / 'database.sql'}"),
            own.url("postgres"),
        ],
        env={**process_environment(), "POSTGRES_PASSWORD": 'it\'s "secret"'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    yield own
    own.remove()


def url_of(server: PostgresServer) -> str:
    return server.url("thoraq").replace("//postgres@", "//thoraq@")


def test_the_role_of_thoraq_is_not_a_superuser_and_the_superuser_has_no_password(
    server: PostgresServer,
) -> None:
    with psycopg.connect(server.url("postgres")) as connection:
        found = connection.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NULL"
            " FROM pg_authid WHERE rolcanlogin ORDER BY 1"
        ).fetchall()
    assert found == [("postgres", True, True, True, True), ("thoraq", False, False, False, False)]


@pytest.mark.parametrize(
    "statement",
    ["COPY (SELECT 1) TO PROGRAM 'true'", "SELECT pg_read_file('/etc/passwd')", "CREATE ROLE evil"],
)
def test_the_role_runs_no_program_and_reads_no_file(server: PostgresServer, statement: str) -> None:
    with (
        psycopg.connect(url_of(server)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_role_can_upgrade_back_up_and_restore(server: PostgresServer, tmp_path: Path) -> None:
    url = url_of(server)
    schema.upgrade(url)
    back_up(url, tmp_path / "copy")
    restore(url, tmp_path / "copy", replace=True)
    assert schema.check(url).up_to_date


def test_an_analyst_of_the_documentation_reads_the_views_and_nothing_else(
    server: PostgresServer,
) -> None:
    url = url_of(server)
    schema.upgrade(url)
    database = Database.open(url)
    submit(database, [seen(number) for number in range(3)])
    measure_all(database)
    database.dispose()
    [statements] = re.findall(r"```sql analyst\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    with psycopg.connect(server.url("thoraq")) as connection:
        connection.execute(statements.encode())

    with psycopg.connect(server.url("thoraq").replace("//postgres@", "//analyst@")) as connection:
        counted = {
            view: connection.execute(COUNTED.format(sql.Identifier(view))).fetchone()
            for view in VIEWS
        }
    assert counted == {"results": (3,), "points": (3 * 19,), "result_batches": (3,)}
    for statement in (b"SELECT 1 FROM measurement", b"SELECT 1 FROM audit", b"DELETE FROM file"):
        with (
            psycopg.connect(server.url("thoraq").replace("//postgres@", "//analyst@")) as asking,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            asking.execute(statement)
    with psycopg.connect(server.url("thoraq")) as connection:
        connection.execute("DROP OWNED BY analyst")
        connection.execute("DROP ROLE analyst")


def test_compose_mounts_the_script_and_thoraq_is_not_the_superuser() -> None:
    compose: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    database = compose["services"]["database"]
    assert "./database.sql:/docker-entrypoint-initdb.d/database.sql:ro" in database["volumes"]
    # The image creates POSTGRES_USER as a superuser.
    assert "POSTGRES_USER" not in database["environment"]
    url = compose["services"]["scheduler"]["environment"]["THORAQ_DATABASE_URL"]
    assert url.startswith("postgresql+psycopg://thoraq:")
