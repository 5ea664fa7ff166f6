"""`thoraq doctor`: a line per check, and what it says of what is broken."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from cli.exits import Exit
from db import migration
from scheduler.settings import Settings
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.previous_release import previous_revision
from tests.cli.processed import Processed
from tests.docs.pages import PAGES


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
    assert repairs == [
        "repair: redis-cli -h 127.0.0.1 -p 1 ping",
        "repair: pg_isready -h 127.0.0.1 -p 1",
    ]


#: Programs that would show an argument to everybody on the machine, and what would be a secret.
SHOWN = re.compile(
    r"(redis-cli|psql|pg_dump|pg_restore|pg_isready|createdb|createuser|curl|celery)\b[^\n]*"
    r"(\$\{?THORAQ_(BROKER|DATABASE)_URL|\s-a\s|--pass\b|://[^\s/@]*:[^\s@]+@|PASSWORD=)"
)


def test_nothing_that_is_written_down_leads_a_password_into_a_command_line() -> None:
    assert SHOWN.search("redis-cli -u $THORAQ_BROKER_URL ping")
    assert SHOWN.search("psql postgresql://ada:hunter2@db/thoraq")
    suffixes = {".py", ".md", ".yaml", ".service", ".example", ".sh", ".sql", ""}
    folders = (
        *("cli", "db", "scheduler", "results", "worker", "network"),
        *("training", "radiograph", "thoraq", "benchmarks", "deploy"),
    )
    files = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "Makefile"]
    files += [each for folder in folders for each in (ROOT / folder).rglob("*") if each.is_file()]
    found = [
        f"{each}: {match.group()}"
        for each in files
        if each.suffix in suffixes and "__pycache__" not in each.parts
        for match in SHOWN.finditer(each.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_doctor_alone_says_that_it_runs_as_root(tmp_path: Path) -> None:
    ran = Commands(tmp_path / "state").run("doctor", "--here")
    assert ("running as root" in ran.stderr) == (os.geteuid() == 0)
    assert "running as root" not in ran.stdout


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


@pytest.mark.parametrize("words", ["status", "db check", "doctor --here"])
def test_what_upgrades_a_database_names_the_state_folder_that_the_command_was_given(
    tmp_path: Path, words: str
) -> None:
    state = tmp_path / "a b"
    settings = Settings(state=state)
    migration.upgrade(settings.database)
    migration.downgrade(settings.database, previous_revision())
    given = Commands(tmp_path / "elsewhere").run(*words.split(), "--state", state)
    known = Commands(state).run(*words.split())
    for ran, upgrade in (
        (given, ["thoraq", "db", "upgrade", "--state", str(state)]),
        (known, ["thoraq", "db", "upgrade"]),
    ):
        assert ran.returncode in {Exit.DATABASE, Exit.UNSOUND}, ran.stderr
        said = ran.stdout + ran.stderr
        [told] = re.findall(r"(?:run `|repair: )(thoraq db upgrade[^`\n]*)", said)
        assert shlex.split(told) == upgrade
