"""`thoraq forget`: deletion from the database, confirmation and output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from cli.exits import Exit
from db.database import Database
from db.tables import file
from testbed.commands import Commands
from testbed.tables import rows
from tests.cli.forgetting import NUMBER, Shell, seen_files, shell_on_two_batches
from tests.cli.forked import run_forked


@pytest.fixture
def shell(database: Database, database_url: str, tmp_path: Path) -> Shell:
    """Return a shell on two batches."""
    return shell_on_two_batches(database, database_url, tmp_path)


def test_a_dry_run_lists_deletions_and_deletes_nothing(shell: Shell, database: Database) -> None:
    before = rows(database, file)
    said = json.loads(shell.run(f"forget --patient {NUMBER} --dry-run --json").stdout)
    table = shell.run(f"forget --patient {NUMBER} --dry-run").stdout

    assert said["dry_run"] is True
    counted = {name: said[name] for name in ("files", "radiographs", "measurements", "batches")}
    assert counted == {"files": 4, "radiographs": 3, "measurements": 3, "batches": 0}
    assert said["of_batches"] == {"night": 2, "day": 2}
    assert "4 files, 3 radiographs, 3 measurements" in table
    assert rows(database, file) == before
    done = json.loads(shell.run(f"forget --patient {NUMBER} --yes --json").stdout)
    assert done == said | {"dry_run": False}
    assert seen_files(database) == {"night": 2, "day": 1}
    again = shell.run(f"forget --patient {NUMBER} --yes")
    assert "Nothing matches; nothing was deleted." in again.stdout


def test_a_patient_id_can_be_passed_outside_the_command_line(
    shell: Shell, database: Database
) -> None:
    commands = Commands(shell.state, dict(shell.environment))
    ran = run_with_input(commands, f"{NUMBER}\n", "forget", "--patient", "-", "--yes")
    assert ran.returncode == Exit.OK, ran.stderr
    assert seen_files(database) == {"night": 2, "day": 1}
    assert NUMBER not in ran.stdout + ran.stderr
    empty = run_with_input(commands, "\n", "forget", "--patient", "-", "--yes")
    assert empty.returncode == Exit.USAGE


def run_with_input(commands: Commands, said: str, *words: str) -> CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        env=commands.environment,
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "words",
    [f"forget --patient {NUMBER} --yes", f"results --patient {NUMBER}"],
    ids=["forget", "results"],
)
def test_a_missing_key_is_not_reported_as_an_unknown_patient(
    shell: Shell, database: Database, words: str
) -> None:
    environment = {
        name: value for name, value in shell.environment.items() if name != "THORAQ_PATIENT_KEY"
    }
    ran = run_forked(words.split(), environment)
    assert ran.returncode == Exit.USAGE, ran.stderr
    assert "key-unusable" in ran.stderr
    assert "THORAQ_STATE" in ran.stderr
    assert NUMBER not in ran.stdout + ran.stderr
    assert not (shell.state / "patient.key").exists()
    assert seen_files(database) == {"night": 4, "day": 3}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("forget --batch night", "--yes skips the confirmation"),
        ("forget", "give exactly one of"),
        ("forget --batch night --patient 1 --yes", "give exactly one of"),
    ],
    ids=["unasked", "nothing", "two"],
)
def test_ambiguous_requests_delete_nothing(
    shell: Shell, database: Database, words: str, why: str
) -> None:
    ran = run_with_input(Commands(shell.state, dict(shell.environment)), "", *words.split())
    assert (ran.returncode, why in ran.stderr) == (Exit.USAGE, True), ran.stderr
    assert seen_files(database) == {"night": 4, "day": 3}


def test_the_audit_log_shows_forgetting_without_the_patient_id(shell: Shell) -> None:
    shell.run(f"forget --patient {NUMBER} --yes")
    said = shell.run("audit --json").stdout
    [row, *_] = [each for each in json.loads(said) if each["action"] == "forget"]
    assert row["subject"] == "everything"
    assert "by patient" in row["what"]
    assert "radiographs 3" in row["what"]
    assert NUMBER not in said


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_exports_with_deleted_rows_are_named_and_kept(
    shell: Shell, tmp_path: Path, ending: str
) -> None:
    files = {name: tmp_path / f"{name}.{ending}" for name in ("all", "day", "gone")}
    shell.run(f"export --out {files['all']}")
    shell.run(f"export --batch day --out {files['day']}")
    shell.run(f"export --out {files['gone']}")
    files["gone"].unlink()

    def named(scope: str) -> set[str]:
        said = json.loads(shell.run(f"forget {scope} --json").stdout)
        assert not [each for each in said["on_disk"] if "failed" not in each]
        return {Path(each.partition(": exported on ")[0]).stem for each in said["stays"]}

    assert named("--batch day --dry-run") == {"all", "day"}
    assert named(f"--patient {NUMBER} --dry-run") == {"all", "day"}
    assert named("--batch night --yes") >= {"all"}
    assert files["all"].is_file()
    assert named("--batch day --yes") == {"all", "day"}
    assert files["day"].is_file()
