"""What the checkup says of what is broken, and the commands that repair it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from cli.exits import Exit
from db import schema
from db.database import Database
from db.errors import DatabaseAway, DatabaseError, DatabaseLoginFails, DatabaseReadOnly
from db.translation import translated
from scheduler.checkup.broker import check_messages
from scheduler.checkup.check import Check, without_doctor
from scheduler.checkup.repairs import broker_repair, database_repair
from scheduler.checkup.storage import check_database
from scheduler.errors import BrokerUnavailable
from scheduler.settings import Settings
from testbed.commands import Commands


def test_a_url_of_another_database_is_not_called_postgresql(tmp_path: Path) -> None:
    for url, said in (
        ("mysql://ada:hunter2@queue/thoraq", "THORAQ_DATABASE_URL: mysql is not supported"),
        ("hunter2", "THORAQ_DATABASE_URL: not a database URL"),
    ):
        check = database_check(tmp_path, url)
        assert check.found.startswith(said)
        assert "hunter2" not in check.found


@pytest.mark.parametrize(
    "error",
    [DatabaseAway, DatabaseLoginFails, DatabaseReadOnly, BrokerUnavailable],
    ids=lambda each: each.code,
)
def test_doctor_does_not_name_itself_as_what_to_run(error: type[Exception]) -> None:
    said = str(error.__doc__)
    assert "thoraq doctor" in said
    shown = without_doctor(Check("database", ok=False, found=f"{said} (code)", repair="pg_isready"))
    assert "thoraq doctor" not in shown.found
    assert shown.found.startswith(said[:16])
    assert shown.found.endswith(". (code)") or "Nothing is lost" in shown.found


def test_doctor_says_of_a_server_that_is_away_what_is_to_be_started(tmp_path: Path) -> None:
    found = without_doctor(database_check(tmp_path, "postgresql://127.0.0.1:1/thoraq")).found
    assert found.endswith("start the server or correct THORAQ_DATABASE_URL (database-away)")


def changed(url: str, *, name: str | None = None, user: str | None = None) -> str:
    """Return the URL of another database, or for another user."""
    parsed = make_url(url)
    url = parsed.set(database=name or parsed.database, username=user or parsed.username)
    return url.render_as_string(hide_password=False)


def test_a_postgresql_that_lets_nobody_in_is_told_by_kind(
    postgres_url: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    for url, code, repair in (
        (changed(postgres_url, name="no such"), "database-login-fails", "createdb"),
        (changed(postgres_url, user="no such"), "database-login-fails", "createuser"),
        ("postgresql://no-such-host.invalid/x", "database-away", "pg_isready"),
        ("postgresql://host:port/x", "database-url-invalid", "THORAQ_DATABASE_URL"),
        ("sqlite:////srv/a?b.db", "database-url-invalid", "THORAQ_DATABASE_URL"),
        (f"sqlite:///{tmp_path}", "database-away", f"touch {tmp_path}"),
    ):
        check = database_check(tmp_path, url)
        assert not check.ok
        assert f"({code})" in check.found, check
        assert repair in str(check.repair), check
        assert "db check" not in check.found + str(check.repair)
    check = database_check(tmp_path, empty_postgres_url)
    assert check.ok, "not made yet"


@pytest.mark.parametrize(
    ("said", "permanent"),
    [
        ('FATAL:  password authentication failed for user "thoraq"', True),
        ("fe_sendauth: no password supplied", True),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "thoraq"', True),
        ('FATAL:  Peer authentication failed for user "thoraq"', True),
        ('FATAL:  role "thoraq" does not exist', True),
        ('FATAL:  database "thoraq" does not exist', True),
        ('FATAL:  role "thoraq" is not permitted to log in', True),
        ('FATAL:  database "thoraq" is not currently accepting connections', True),
        ('FATAL:  permission denied for database "thoraq"', True),
        ("FATAL:  the database system is starting up", False),
        ('FATAL:  too many connections for role "thoraq"', False),
        ('FATAL:  too many connections for database "thoraq"', False),
        ("Connection refused", False),
    ],
)
def test_a_login_that_fails_is_permanent_and_silence_is_not(said: str, permanent: bool) -> None:
    failed = psycopg.OperationalError(f'connection to server at "db", port 5432 failed: {said}')
    with pytest.raises(DatabaseError) as raised, translated():
        raise OperationalError(None, None, failed)
    assert raised.value.permanent is permanent
    settings = Settings(database_url=SecretStr("postgresql://ada:hunter2@db/thoraq"))
    repair = database_repair(settings, raised.value)
    assert "hunter2" not in repair
    assert shlex.split(repair)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@queue:6380/0",
        "rediss://ada:hunter2@queue/0?ssl_cert_reqs=none",
        "unix://:hunter2@/run/redis.sock",
        "redis://:hunter2@queue:port/0",
    ],
)
def test_no_repair_leads_a_password_into_a_command_line(url: str) -> None:
    assert "hunter2" not in broker_repair(url)
    assert "THORAQ_BROKER_URL ping" not in broker_repair(url)


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("redis://queue/0", "-h queue -p 6379"),
        ("redis://queue:6380/3", "-h queue -p 6380 -n 3"),
        ("redis://queue/1?db=7", "-h queue -p 6379 -n 7"),
        ("redis://us%40er@queue/2", "-h queue -p 6379 -n 2 --user us@er"),
        ("redis://a%20b@[::1]:6380/", "-h ::1 -p 6380 --user 'a b'"),
        ("rediss://queue/3?ssl_cert_reqs=none", "-h queue -p 6379 -n 3 --tls --insecure"),
        (
            "rediss://queue/?ssl_ca_certs=/etc/c%20a.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
            "-h queue -p 6379 --tls --cacert '/etc/c a.pem' --cert /c.pem --key /k.pem",
        ),
        (
            "rediss://queue?ssl_cert_reqs=required&ssl_ca_path=/etc/ssl",
            "-h queue -p 6379 --tls --cacertdir /etc/ssl",
        ),
        ("unix:///run/a%20b.sock?db=4", "-s '/run/a b.sock' -n 4"),
        ("redis+socket:///run/redis.sock?virtual_host=0", "-s /run/redis.sock"),
        ("redis+socket:///run/redis.sock", "-s /run/redis.sock"),
        ("redis+socket:///run/redis.sock?virtual_host=3", "-s /run/redis.sock -n 3"),
    ],
    ids=str,
)
def test_the_broker_is_asked_where_thoraq_asks_it(url: str, command: str) -> None:
    assert broker_repair(url) == f"redis-cli {command} ping"
    secret = url.replace("://", "://:hunter2@", 1)
    if "@" not in url and not url.startswith("redis+"):
        repair = broker_repair(secret)
        assert repair.endswith(f"REDISCLI_AUTH; redis-cli {command} ping")
        assert "hunter2" not in repair
        by_query = f"{url}{'&' if '?' in url else '?'}password=hunter2"
        assert broker_repair(by_query) == repair


def test_messages_that_ended_workers_are_told_and_where_they_are(
    redis_url: str, tmp_path: Path
) -> None:
    with Redis.from_url(redis_url) as client:
        client.lpush("thoraq.set_aside", "one")
        [alone] = check_messages(Settings(state=tmp_path, broker_url=redis_url))
        assert alone.found.startswith("1 message crashed workers and was set aside in the broker")
        client.lpush("thoraq.set_aside", "another")
        ran = Commands(tmp_path, {"THORAQ_BROKER_URL": redis_url}).run("doctor")
        assert ran.returncode == Exit.UNSOUND
        assert "FAIL  messages    2 messages crashed workers and were set aside" in ran.stdout
        assert "lrange thoraq.set_aside 0 -1" in ran.stdout
        assert client.llen("thoraq.set_aside") == 2


def test_a_postgresql_that_takes_no_writes_is_unsound_and_told_how_to_be_reached(
    postgres_url: str, tmp_path: Path
) -> None:
    assert database_check(tmp_path, postgres_url).ok
    name = postgres_url.partition("@/")[2].partition("?")[0]
    db = Database.open(postgres_url)
    with db.write() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    db.dispose()
    for query in ("", "&target_session_attrs=read-write"):
        check = database_check(tmp_path, postgres_url + query)
        assert not check.ok
        assert DatabaseReadOnly.code in check.found
        assert "target_session_attrs=read-write" in str(check.repair)
    ran = Commands(tmp_path, {"THORAQ_DATABASE_URL": postgres_url}).run("doctor")
    assert ran.returncode == Exit.UNSOUND
    assert DatabaseReadOnly.code in ran.stdout


def test_a_sqlite_file_that_cannot_be_written_is_unsound(tmp_path: Path) -> None:
    with read_only(tmp_path / "disk") as path:
        check = database_check(tmp_path, f"sqlite:///{path}")
        assert not check.ok
        assert DatabaseReadOnly.code in check.found
        assert str(path) in str(check.repair)
        url = {"THORAQ_DATABASE_URL": f"sqlite:///{path}"}
        ran = Commands(tmp_path / "state", url).run("retry")
        assert ran.returncode == Exit.DATABASE
        assert "fault of thoraq" not in ran.stderr


def database_check(state: Path, url: str) -> Check:
    """Give what the checkup finds of a database."""
    return check_database(Settings(state=state, database_url=url))


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Give a database on a disk that was remounted read only."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    try:
        schema.upgrade(f"sqlite:///{folder / 'thoraq.db'}")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield folder / "thoraq.db"
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
