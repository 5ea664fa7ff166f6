"""Reading identifying data is recorded in the audit log, with a bounded wait."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from db import migration
from db.audit import Action, audit_rows, note
from db.database import Database, moment
from testbed.commands import Commands
from testbed.previous_release import previous_revision
from testbed.records import measure_all, refused, seen, submit
from tests.cli.forked import run_forked

NUMBER = "7391846250"
QUIET = {"THORAQ_PATIENT_KEY": "0123456789abcdef" * 4}


@pytest.fixture
def environment(database: Database, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Return the environment of commands on a small batch."""
    submit(database, [*(seen(n) for n in range(3)), refused("notes.txt")])
    measure_all(database)
    extra = {"THORAQ_DATABASE_URL": database_url, **QUIET}
    return Commands(tmp_path / "state", extra).environment


def reads(db: Database) -> list[Any]:
    return [row for row in reversed(audit_rows(db)) if row.action == "read"]


@pytest.mark.parametrize(
    ("words", "subject", "command", "filters", "rows"),
    [
        (f"results --patient {NUMBER}", None, "results", ["patient"], 0),
        ("results --batch night --json", "night", "results", [], 3),
        ("results --where age_years>1 --limit 2", None, "results", ["age_years"], 2),
        ("failures night --path /archive --csv", "night", "failures", ["path"], 1),
        ("show /archive/1.dcm", None, "show", ["study"], 2),
        ("export --out OUT/all.csv", None, "export", [], 3),
        ("export --out OUT/all.ndjson", None, "export", [], 3),
        ("report night --report OUT/report", "night", "report", [], 4),
    ],
    ids=["patient", "batch", "where", "failures", "show", "export", "fhir", "report"],
)
def test_reading_is_audited_without_identifiers(
    *,
    environment: dict[str, str],
    database: Database,
    tmp_path: Path,
    words: str,
    subject: str | None,
    command: str,
    filters: list[str],
    rows: int,
) -> None:
    ran = run_forked(words.replace("OUT", str(tmp_path)).split(), environment)
    assert ran.returncode == Exit.OK, ran.stderr
    [row] = reads(database)
    pictures = command == "report"
    said = {"command": command, "filters": filters, "pictures": pictures, "rows": rows}
    assert (row.subject, row.details) == (subject, said)
    assert "@" in row.who
    assert not any(each in repr(row) for each in (NUMBER, "/archive", "1.dcm"))


@pytest.mark.parametrize("form", ["relative", "hashed"])
def test_no_command_shows_a_path_that_the_settings_hide(
    environment: dict[str, str], tmp_path: Path, form: str
) -> None:
    hidden = environment | {"THORAQ_SHOW_PATHS": form, "THORAQ_ROOTS": "/archive"}
    every_form = ("--table", "--json", "--csv")
    commands = [f"{name} {each}" for name in ("results", "failures") for each in every_form]
    commands += [f"sheet --out {tmp_path}/sheet.png"]
    commands += ["show 1", "show 1 --json", f"report night --report {tmp_path}/report"]
    commands += [f"export --out {tmp_path}/all.{ending}" for ending in ("csv", "json", "ndjson")]
    said = ""
    for words in commands:
        ran = run_forked(words.split(), hidden)
        assert ran.returncode == Exit.OK, ran.stderr
        said += ran.stdout + ran.stderr
    written = [*tmp_path.glob("all.*"), *(tmp_path / "report").glob("*.csv")]
    said += "".join(each.read_text() for each in written)
    assert len(written) == 5
    assert "/archive" not in said
    assert ("1.dcm" in said) is (form == "relative")
    assert ("notes.txt" in said) is (form == "relative")


def test_an_unknown_batch_is_not_written_to_the_audit_log(
    environment: dict[str, str], database: Database
) -> None:
    ran = run_forked(["results", "--batch", NUMBER], environment)
    assert ran.returncode == Exit.NOT_FOUND
    assert NUMBER not in repr(audit_rows(database))


def test_the_audit_log_is_filtered_by_kind(environment: dict[str, str]) -> None:
    run_forked(["results"], environment)
    said = json.loads(run_forked(["audit", "--action", "read", "--json"], environment).stdout)
    assert [row["action"] for row in said] == ["read"]
    said = json.loads(run_forked(["audit", "--action", "submit", "--json"], environment).stdout)
    assert [row["action"] for row in said] == ["submit"]


def test_only_a_change_without_a_batch_concerns_everything(
    environment: dict[str, str], database: Database
) -> None:
    for words in ("show 1", "results --limit 1", "results --batch night"):
        assert run_forked(words.split(), environment).returncode == Exit.OK
    with database.write() as connection:
        note(connection, Action.RECOMPUTE, None, moment(connection, None))
    found = json.loads(run_forked(["audit", "--json", "--limit", "4"], environment).stdout)
    assert [row["subject"] for row in found] == ["everything", "night", None, None]
    table = run_forked(["audit", "--action", "read"], environment).stdout.splitlines()
    assert [line.split()[3] for line in table[1:]] == ["night", "-", "-"]


def test_auditing_of_reads_can_be_disabled(environment: dict[str, str], database: Database) -> None:
    assert run_forked(["results"], environment | {"THORAQ_AUDIT_READS": "off"}).stdout
    assert reads(database) == []


def test_a_read_only_database_is_read_with_a_warning(sqlite_url: str, tmp_path: Path) -> None:
    database = Database.open(sqlite_url)
    submit(database, [seen(n) for n in range(3)])
    measure_all(database)
    path = sqlite_url.removeprefix("sqlite:///")
    url = f"sqlite:///file:{path}?mode=ro&uri=true"
    environment = Commands(tmp_path / "state", {"THORAQ_DATABASE_URL": url}).environment

    ran = run_forked(["results", "--json"], environment)
    assert (ran.returncode, len(json.loads(ran.stdout))) == (Exit.OK, 3)
    assert "this read is not in the audit log: [database-read-only]" in ran.stderr

    refusing = run_forked(["results"], environment | {"THORAQ_AUDIT_READS": "required"})
    assert (refusing.returncode, refusing.stdout) == (Exit.DATABASE, "")
    assert "error [read-unaudited]" in refusing.stderr
    database.dispose()


def test_a_reader_waits_only_briefly_for_a_writer(sqlite_url: str, tmp_path: Path) -> None:
    database = Database.open(sqlite_url)
    submit(database, [seen(1)])
    measure_all(database)
    extra = {"THORAQ_DATABASE_URL": sqlite_url}
    environment = Commands(tmp_path / "state", extra).environment
    run_forked(["results"], environment)  # loads the imports
    with database.write():
        begun = time.monotonic()
        ran = run_forked(["results", "--json"], environment)
        took = time.monotonic() - begun
    assert (ran.returncode, len(json.loads(ran.stdout))) == (Exit.OK, 1)
    assert "not in the audit log: [database-busy]" in ran.stderr
    assert took < 15
    database.dispose()


@pytest.mark.parametrize("setting", ["on", "off", "required"])
@pytest.mark.parametrize("keep", [False, True], ids=["file", "folder"])
def test_a_backup_is_audited(
    *, environment: dict[str, str], database: Database, tmp_path: Path, setting: str, keep: bool
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    words = (
        ["db", "backup", str(folder), "--keep", "1"] if keep else ["db", "backup", f"{folder}/a"]
    )
    ran = run_forked(words, environment | {"THORAQ_AUDIT_READS": setting})
    assert ran.returncode == Exit.OK, ran.stderr
    said = {"command": "db backup", "filters": [], "pictures": False, "rows": 4}
    assert [row.details for row in reads(database)] == ([] if setting == "off" else [said])


def test_a_backup_before_an_upgrade_needs_no_audit_unless_required(
    sqlite_url: str, tmp_path: Path
) -> None:
    migration.downgrade(sqlite_url, previous_revision())
    environment = Commands(tmp_path / "state", {"THORAQ_DATABASE_URL": sqlite_url}).environment
    ran = run_forked(
        ["db", "backup", f"{tmp_path}/a"], environment | {"THORAQ_AUDIT_READS": "required"}
    )
    assert "read-unaudited" in ran.stderr
    assert not (tmp_path / "a").exists()
    ran = run_forked(["db", "backup", f"{tmp_path}/a"], environment)
    assert ran.returncode == Exit.OK, ran.stderr
    assert "not in the audit" in ran.stderr
