"""An archive with hashed paths reveals no folder, and works like any other."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cli.exits import Exit
from db.database import Database
from db.states import JobState
from db.tables import job
from scheduler.archive import open_database
from scheduler.path_hash import PathHash
from scheduler.settings import Settings
from testbed.commands import Commands
from testbed.records import BROKEN, claim, measure_all, refusing, seen, send, store, submit
from testbed.tables import rows
from tests.chaos.archive import write_archive
from tests.cli.forked import run_forked

PATIENT = "7391846250"
MEASURED, FAILED = f"/srv/{PATIENT}/a.dcm", f"/srv/{PATIENT}/b.dcm"
KEY = "0123456789abcdef" * 4
SHARED = {
    "THORAQ_PATIENT_KEY": KEY,
    "THORAQ_STORE_PATHS": "hashed",
    "THORAQ_AUDIT_READS": "off",
}


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    given = SHARED | {"THORAQ_DATABASE_URL": database_url}
    return Commands(tmp_path / "state", given).environment


def hashing(path: str) -> str:
    return PathHash(Settings(patient_key=KEY))(path)


def filled(tmp_path: Path, database_url: str) -> Database:
    """Return an archive with one radiograph measured and one failed."""
    settings = Settings(
        state=tmp_path / "state", patient_key=KEY, database_url=database_url, store_paths="hashed"
    )
    database = open_database(settings)
    submit(database, [seen(1, path=MEASURED)])
    measure_all(database)
    submit(database, [seen(2, path=FAILED)])
    for chunk_id in send(database):
        held = claim(database, chunk_id)
        store(database, held, [refusing(each, BROKEN) for each in held.jobs])
    database.dispose()
    return database


def test_commands_print_and_export_the_hash_and_find_it_by_the_path(
    tmp_path: Path, database_url: str, environment: dict[str, str]
) -> None:
    filled(tmp_path, database_url)
    table = tmp_path / "all.csv"
    for words, path in (
        (["results", "--json"], MEASURED),
        (["results", "--where", f"path = {MEASURED}", "--csv"], MEASURED),
        (["show", MEASURED, "--json"], MEASURED),
        (["show", hashing(MEASURED), "--json"], MEASURED),
        (["failures", "--json"], FAILED),
        (["failures", "--path", FAILED, "--csv"], FAILED),
        (["show", FAILED, "--json"], FAILED),
    ):
        for form in ("full", "relative", "hashed", None):
            shown = {} if form is None else {"THORAQ_SHOW_PATHS": form}
            ran = run_forked(words, environment | shown)
            assert ran.returncode == Exit.OK, (words, ran.stderr)
            assert hashing(path) in ran.stdout
            assert PATIENT not in (ran.stdout + ran.stderr).replace(path, "")
    ran = run_forked(["export", "--out", str(table)], environment)
    assert ran.returncode == Exit.OK, ran.stderr
    with table.open(encoding="utf-8", newline="") as lines:
        assert [row["path"] for row in csv.DictReader(lines)] == [hashing(MEASURED)]


def test_commands_that_need_a_path_refuse_a_hashed_one(
    tmp_path: Path, database_url: str, environment: dict[str, str]
) -> None:
    database = filled(tmp_path, database_url)
    for words in (
        ["retry"],
        ["retry", "--code", BROKEN.code],
        ["show", "1", "--out", str(tmp_path / "a.png")],
    ):
        ran = run_forked(words, environment)
        assert ran.returncode == Exit.RADIOGRAPH, (words, ran.stdout, ran.stderr)
        assert "path-not-kept" in ran.stderr
        assert "submit its folder again" in ran.stderr
    assert {row.state for row in rows(database, job)} == {JobState.MEASURED, JobState.FAILED}
    database.dispose()
    ran = run_forked(["sheet", "--out", str(tmp_path / "sheet.png")], environment)
    assert ran.returncode == Exit.OK, ran.stderr


def test_a_backup_contains_hashes_and_no_path(
    tmp_path: Path,
    database_url: str,
    empty_url_of_same_kind: str,
    environment: dict[str, str],
) -> None:
    filled(tmp_path, database_url)
    copy = tmp_path / "copy"
    ran = run_forked(["db", "backup", str(copy)], environment)
    assert ran.returncode == Exit.OK, ran.stderr
    assert PATIENT.encode() not in copy.read_bytes()
    restored = environment | {"THORAQ_DATABASE_URL": empty_url_of_same_kind}
    ran = run_forked(["db", "restore", str(copy)], restored)
    assert ran.returncode == Exit.OK, ran.stderr
    [row] = json.loads(run_forked(["show", MEASURED, "--json"], restored).stdout)["measurements"]
    assert row["path"] == hashing(MEASURED)


@pytest.mark.parametrize("store_here", ["full", "hashed"])
def test_doctor_reports_machines_that_hash_paths_differently(
    tmp_path: Path, database_url: str, environment: dict[str, str], store_here: str
) -> None:
    filled(tmp_path, database_url)
    ran = run_forked(
        ["doctor", "--here", "--json"], environment | {"THORAQ_STORE_PATHS": store_here}
    )
    repairs = [each["repair"] for each in json.loads(ran.stdout) if each["name"] == "paths"]
    wanted = [] if store_here == "hashed" else ["export THORAQ_STORE_PATHS=hashed"]
    assert repairs == wanted


def test_an_archive_is_measured_without_revealing_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / PATIENT
    write_archive(folder, 2)
    commands = Commands(tmp_path / "state", SHARED)
    environment = commands.environment
    ran = commands.run("process", folder, "--batch", "n", "--device", "cpu")
    assert ran.returncode == Exit.OK, ran.stderr
    for each in (tmp_path / "state").glob("thoraq.db*"):
        assert PATIENT.encode() not in each.read_bytes(), each
    again = run_forked(["submit", str(folder), "--batch", "n"], environment)
    assert "0 queued" in again.stdout, again.stdout
    film = min((folder / "radiographs").iterdir())
    picture = tmp_path / "a.png"
    ran = run_forked(["show", str(film), "--out", str(picture)], environment)
    assert ran.returncode == Exit.OK, ran.stderr
    assert picture.is_file()
    other = folder / "others" / "broken-000.png"
    lost = run_forked(["show", "1", "--out", str(tmp_path / "b.png")], environment)
    assert "path-not-kept" in lost.stderr
    found = run_forked(["failures", "--path", str(other), "--json"], environment)
    [row] = json.loads(found.stdout)
    assert PATIENT not in found.stdout
    assert row["path"] == hashing(str(other))
