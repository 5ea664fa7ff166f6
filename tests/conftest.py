"""Databases and brokers for every test: real servers, a fresh database each time.

`database` and `database_url` run a test twice, on SQLite and on PostgreSQL. Where PostgreSQL is
missing its half is skipped on a laptop and fails in CI (where CI stands in the environment).
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import schema
from db.database import Database
from testbed.servers.postgres import NoPostgres, PostgresServer
from testbed.servers.redis import RedisServer

# Started in the background of a shell, this process ignores SIGINT and so would every command it
# starts; with a handler of ours theirs is the default one, as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def converted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have all state folders share their converted networks, so that only the first start waits."""
    folder = tmp_path_factory.mktemp("converted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THORAQ_CONVERTED", str(folder))
        patch.setenv("THORAQ_CONVERTED_KEY", "fedcba9876543210" * 4)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def no_file_of_settings() -> Iterator[None]:
    """Keep what this machine has in /etc out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THORAQ_ENV_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a running server."""
    server = PostgresServer.in_temporary_folder()
    try:
        server.start()
    except NoPostgres as missing:
        server.remove()
        if os.environ.get("CI"):  # noqa: TID251 - this is the edge of the test process
            raise
        pytest.skip(str(missing))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    """Give the name of a database that has the schema, to be copied."""
    url = postgres_server.create()
    schema.upgrade(url)
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database file that has the schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """Give a fresh PostgreSQL database with the schema."""
    url = postgres_server.create(migrated_postgres)
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give a fresh PostgreSQL database without tables."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """Give a fresh SQLite database with the schema."""
    path = tmp_path / "thoraq.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give a fresh database with the schema, once of either kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give a database without tables, once of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def empty_url_of_same_kind(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> str:
    """Give a second database, without tables, of the kind that `database_url` has."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'second.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a fresh, open database with the schema, once of either kind."""
    opened = Database.open(database_url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def module_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """Give a module a database of its own of either kind, which its tests only read."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("module") / "thoraq.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("migrated_postgres")
        url = request.getfixturevalue("postgres_server").create(template)
    opened = Database.open(url)
    yield opened
    opened.dispose()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a running broker that the test may `kill`, `start` and `flush`."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Give the URL of a running, empty broker."""
    return redis_server.url
