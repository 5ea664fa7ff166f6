"""What the doctor looks at, and what it says of what is broken."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from cli.checks import Check, check_database
from cli.exits import Exit
from db import schema
from db.database import Database
from db.errors import DatabaseReadOnly
from scheduler.settings import Settings
from tests.cli.commands import Commands, Processed


def test_a_sound_machine_is_sound(processed: Processed) -> None:
    ran = processed.commands.run("doctor")
    assert ran.returncode == Exit.OK, ran.stdout
    lines = [line.split()[:2] for line in ran.stdout.splitlines() if not line.startswith(" ")]
    names = [name for _, name in lines]
    wanted = ["python", "packages", "device", "weights", "settings", "state"]
    wanted += ["broker", "database", "processes"]
    assert list(dict.fromkeys(names)) == wanted
    assert {mark for mark, _ in lines} == {"OK"}


def test_json_names_what_was_found_and_devices_with_memory(processed: Processed) -> None:
    found = processed.commands.json("doctor")
    assert [list(check) for check in found] == [["name", "ok", "found", "repair"]] * len(found)
    devices = [check["found"] for check in found if check["name"] == "device"]
    assert any(device.startswith("cpu") and "GiB" in device for device in devices)


def test_what_is_broken_comes_with_its_repair(tmp_path: Path) -> None:
    extra = {
        "THORAQ_BROKER_URL": "redis://127.0.0.1:1/0",
        "THORAQ_DATABASE_URL": "postgresql://127.0.0.1:1/thoraq",
    }
    ran = Commands(tmp_path, extra).run("doctor")
    assert ran.returncode == Exit.UNSOUND
    lines = ran.stdout.splitlines()
    failed = [line.split()[1] for line in lines if line.startswith("FAIL")]
    assert failed == ["broker", "database"]
    repairs = [line.strip() for line in lines if line.strip().startswith("repair: ")]
    assert repairs == ["repair: redis-cli -u $THORAQ_BROKER_URL ping", "repair: thoraq db check"]


def test_messages_that_ended_workers_are_told_and_where_they_are(
    redis_url: str, tmp_path: Path
) -> None:
    with Redis.from_url(redis_url) as client:
        client.lpush("thoraq.set_aside", "one", "another")
        ran = Commands(tmp_path, {"THORAQ_BROKER_URL": redis_url}).run("doctor")
        assert ran.returncode == Exit.UNSOUND
        assert "FAIL  messages    2 ended workers" in ran.stdout
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
        ran = Commands(tmp_path / "state", url).run("retry", "night")
        assert ran.returncode == Exit.DATABASE
        assert "fault of thoraq" not in ran.stderr


def database_check(state: Path, url: str) -> Check:
    """Give what the doctor finds of a database."""
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


def test_the_doctor_changes_nothing(tmp_path: Path) -> None:
    Commands(tmp_path / "state").run("doctor")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("db", "check"), ("db", "check", "--json")])
def test_a_missing_schema_is_unsound_and_upgrade_mends_it(
    commands: Commands, words: tuple[str, ...]
) -> None:
    assert commands.run(*words).returncode == Exit.UNSOUND
    assert commands.run("db", "upgrade").returncode == Exit.OK
    assert commands.run(*words).returncode == Exit.OK
