"""What the doctor looks at, and what it says of what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from cli.exits import Exit
from tests.cli.commands import Commands, Processed


def test_a_sound_machine_is_sound(processed: Processed) -> None:
    ran = processed.commands.run("doctor")
    assert ran.returncode == Exit.OK, ran.stdout
    lines = [line.split()[:2] for line in ran.stdout.splitlines() if not line.startswith(" ")]
    names = [name for _, name in lines]
    wanted = ["python", "packages", "device", "weights", "state", "broker", "database"]
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
