"""An archive stored relative to its root is measured, mounted elsewhere, and measured again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from cli.exits import Exit
from db.archive import Archive
from db.database import Database
from testbed.commands import Commands
from testbed.records import measure_all, seen, submit
from tests.chaos.archive import write_archive
from tests.cli.forked import run_forked

SHARED = {
    "THORAQ_PATIENT_KEY": "0123456789abcdef" * 4,
    "THORAQ_STORE_PATHS": "relative",
    "THORAQ_AUDIT_READS": "off",
}


@pytest.mark.parametrize(
    "roots", ["/srv/a:/mnt/a", "/", "/srv/with space", "a=/x:a=/y", "/srv/ü"], ids=repr
)
def test_roots_without_a_label_are_refused_first(tmp_path: Path, roots: str) -> None:
    environment = Commands(tmp_path / "state", SHARED | {"THORAQ_ROOTS": roots}).environment
    for words in (["process", str(tmp_path)], ["status"], ["doctor", "--here"]):
        ran = run_forked(words, environment)
        assert "LABEL=/FOLDER" in ran.stdout + ran.stderr, words
        assert ran.returncode != Exit.OK
    ran = run_forked(["status"], Commands(tmp_path / "state", SHARED).environment)
    assert "THORAQ_ROOTS" in ran.stderr


def environment_of(tmp_path: Path, url: str, roots: str, store: str) -> dict[str, str]:
    given = {"THORAQ_DATABASE_URL": url, "THORAQ_ROOTS": roots, "THORAQ_STORE_PATHS": store}
    return Commands(tmp_path / "state", SHARED | given).environment


@pytest.mark.parametrize(
    ("stored", "roots", "store", "said"),
    [
        (True, "films=/mnt", "relative", None),
        (False, "films=/mnt", "full", None),
        (True, "other=/mnt", "relative", "films=/FOLDER"),
        (True, "films=/mnt", "full", "THORAQ_STORE_PATHS=relative"),
        (False, "films=/srv", "relative", "THORAQ_STORE_PATHS=full"),
    ],
    ids=["alike", "in-full", "another-label", "full-here", "relative-here"],
)
def test_doctor_reports_machines_that_store_paths_differently(
    *,
    tmp_path: Path,
    database_url: str,
    stored: bool,
    roots: str,
    store: str,
    said: str | None,
) -> None:
    database = Database.open(database_url, Archive({"films": "/srv"}, relative=stored))
    submit(database, [seen(1, path="/srv/a.dcm")])
    database.dispose()
    ran = run_forked(
        ["doctor", "--here", "--json"], environment_of(tmp_path, database_url, roots, store)
    )
    found = [each for each in json.loads(ran.stdout) if each["name"] == "paths"]
    assert [said in each["repair"] for each in found] == ([] if said is None else [True])


def test_paths_below_a_root_are_printed_alike_on_every_machine(
    tmp_path: Path, database_url: str
) -> None:
    database = Database.open(database_url, Archive({"films": "/srv"}, relative=True))
    submit(database, [seen(1, path="/srv/patient 7/a.dcm")])
    measure_all(database)
    database.dispose()
    for roots in ("films=/mnt/films", "inbox=/i:films=/srv"):
        environment = environment_of(tmp_path, database_url, roots, "relative")
        for words in (["results", "--json"], ["show", "films:/patient 7/a.dcm", "--json"]):
            ran = run_forked(words, environment)
            assert ran.returncode == Exit.OK, ran.stderr
            assert "films:/patient 7/a.dcm" in ran.stdout
        ran = run_forked(["results", "--json"], environment | {"THORAQ_SHOW_PATHS": "full"})
        assert f"{roots.rpartition('=')[2]}/patient 7/a.dcm" in ran.stdout


def test_an_archive_is_measured_and_mounted_elsewhere(tmp_path: Path) -> None:
    first, second = tmp_path / "first" / "films", tmp_path / "second" / "films"
    write_archive(first, 2)
    environment = Commands(tmp_path / "state", SHARED).environment
    here = environment | {"THORAQ_ROOTS": str(first)}
    there = environment | {"THORAQ_ROOTS": f"films={second}"}
    ran = run_forked(["process", str(first), "--batch", "n", "--device", "cpu"], here)
    assert ran.returncode == Exit.OK, ran.stderr
    with sqlite3.connect(tmp_path / "state" / "thoraq.db") as connection:
        texts = connection.execute("SELECT path FROM file UNION SELECT path FROM radiograph")
        assert all(each.startswith("films:/") for (each,) in texts)
    second.parent.mkdir()
    shutil.move(first, second)
    again = run_forked(["submit", str(second), "--batch", "n"], there)
    assert "0 queued" in again.stdout, again.stdout
    [row, *_] = json.loads(run_forked(["results", "--json"], there).stdout)
    picture = tmp_path / "a.png"
    shown = run_forked(["show", row["path"], "--out", str(picture)], there)
    assert shown.returncode == Exit.OK, shown.stderr
    assert picture.is_file()
    lost = run_forked(
        ["show", str(row["radiograph"]), "--out", str(tmp_path / "b.png")],
        environment | {"THORAQ_ROOTS": f"other={second}"},
    )
    assert "root-unknown" in lost.stderr
    outside = run_forked(["submit", str(tmp_path / "state"), "--batch", "m"], there)
    assert "place-forbidden" in outside.stderr
