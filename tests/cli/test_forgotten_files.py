"""`thoraq forget`: files removed from disk, files that remain, and output."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from cli.exits import Exit
from cli.output.noted import noted_outputs
from cli.output.report_files import write_report_of
from db.begun_outputs import begin_outputs
from db.database import Database
from db.erasure import erase, plan_erasure
from db.erasure_records import Scope
from db.errors import BatchUnknown, StudyUnknown
from db.put_away_paths import record_places
from db.records import FileOutcome, PlacedFile
from db.states import Destination
from db.tables import file, output, radiograph
from results import report as report_module
from results.report import REPORT_FILES, former_report_folder, report_folder
from scheduler.intake.failure_table import FailureRow, FailureTable
from scheduler.intake.inbox import Inbox
from scheduler.settings import Settings
from testbed.records import measure_all, seen, submit
from testbed.tables import rows
from tests.cli.forgetting import KEY, NUMBER, Shell, seen_files, shell_on_two_batches
from tests.cli.forked import run_forked


@pytest.fixture
def shell(database: Database, database_url: str, tmp_path: Path) -> Shell:
    """Return a shell on two batches."""
    return shell_on_two_batches(database, database_url, tmp_path)


def test_only_reports_and_log_lines_of_the_patient_are_deleted(
    shell: Shell, database: Database, tmp_path: Path
) -> None:
    shell.run(f"report night --report {tmp_path}/mine")
    shell.run("report night")
    shell.run(f"report day --report {tmp_path}/other")
    own = shell.state / "reports" / "night"
    (tmp_path / "mine" / "notes.txt").write_text("an operator's")
    (tmp_path / "mine" / "failures.csv").write_text("written over by somebody")
    failed = tmp_path / "in" / "failed"
    failed.mkdir(parents=True)
    kept = failed / "1.dcm"
    kept.write_bytes(b"a radiograph")
    inbox = Inbox(tmp_path / "in")
    FailureTable().change(
        inbox, [FailureRow.of(f"{n}.dcm", "a", "b", "c", "d") for n in (1, 99)], []
    )
    inbox.close()
    night = [each for each in rows(database, file) if each.path.startswith(str(failed))]
    placed = [PlacedFile(each.id, each.path, Destination.FAILED) for each in night]
    record_places(database, placed)

    said = shell.run("forget --batch night --yes").stdout

    assert not own.exists()
    assert sorted(each.name for each in (tmp_path / "mine").iterdir()) == [
        "failures.csv",
        "notes.txt",
    ]
    assert f"{tmp_path}/mine/failures.csv: changed since it was written" in said
    assert (tmp_path / "other" / "results.csv").exists()
    assert kept.read_bytes() == b"a radiograph"
    table = (failed / "reasons.csv").read_text()
    assert "99.dcm" in table
    assert "\n1.dcm" not in table
    assert "Not deleted: exports, database backups, logs" in said
    assert seen_files(database) == {"day": 3}


def forget_batch(shell: Shell, name: str) -> str:
    ran = run_forked(["forget", "--batch", name, "--yes"], shell.environment)
    assert ran.returncode == Exit.OK, ran.stderr
    return ran.stdout


def write_former_report(shell: Shell, name: str) -> Path:
    """Write a report as earlier versions did: in their folder, without a record."""
    folder = former_report_folder(Settings(state=shell.state), name)
    folder.mkdir(parents=True)
    for each in REPORT_FILES:
        (folder / each).write_text(NUMBER)
    return folder


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Night", "Night"),
        ("of 7.", "of 7."),
        ("u\u0308ber", "u\u0308ber"),
        ("A\tB", "A\tB"),
        ("A/B", "_A_B-"),
        (".A", "_.A-"),
    ],
    ids=["capital", "dot", "decomposed", "control", "slash", "hidden"],
)
def test_reports_of_an_earlier_version_are_deleted(
    shell: Shell, database: Database, name: str, wanted: str
) -> None:
    submit(database, [seen(7)], name=name)
    measure_all(database)
    folder = write_former_report(shell, name)
    kept = write_former_report(shell, "Other")
    assert folder.name.startswith(wanted)

    said = forget_batch(shell, name)

    assert str(folder / "results.csv") in said or not wanted.isprintable()
    assert not folder.exists()
    assert len(list(kept.iterdir())) == len(REPORT_FILES)


def test_a_report_folder_shared_with_another_batch_is_kept_and_named(
    shell: Shell, database: Database
) -> None:
    submit(database, [seen(7)], name="Night")
    measure_all(database)
    shell.run("report night")
    reports = shell.state / "reports"
    (reports / "Night").symlink_to("night")  # as on a case-insensitive file system

    said = forget_batch(shell, "Night")

    assert f"{reports / 'Night'}: also the report of another batch" in said
    assert (reports / "night" / "results.csv").exists()


def test_a_report_of_another_host_is_named(
    shell: Shell, database: Database, tmp_path: Path
) -> None:
    shell.run(f"report night --report {tmp_path}/mine")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE output SET host = 'elsewhere'")
    said = json.loads(shell.run("forget --batch night --yes --json").stdout)
    assert f"{tmp_path}/mine/results.csv on elsewhere" in said["stays"]
    assert (tmp_path / "mine" / "results.csv").exists()


@pytest.mark.parametrize(
    "scope", [Scope(batch="night"), Scope(patients=(NUMBER,))], ids=["batch", "patient"]
)
@pytest.mark.parametrize("where", ["default", "named"])
def test_a_report_written_during_forgetting_is_deleted(
    *,
    shell: Shell,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scope: Scope,
    where: str,
) -> None:
    settings = Settings(state=shell.state, patient_key=KEY, store_patient_ids=True)
    name = "night" if scope.batch else "day"
    folder = tmp_path / "mine" if where == "named" else report_folder(settings, name)
    not_measured = report_module.not_measured

    def forgetting(db: Database, batch: str) -> Iterator[FileOutcome]:
        yield from not_measured(db, batch)
        noted = plan_erasure(db, scope).outputs
        assert str(folder / "results.csv") in {each.path for each in noted}
        for _ in erase(db, scope):
            pass

    monkeypatch.setattr(report_module, "not_measured", forgetting)
    with pytest.raises(BatchUnknown):
        write_report_of(database, name, settings, folder)

    assert not list(tmp_path.rglob("*.csv"))
    assert not folder.exists() or where == "named"
    assert rows(database, output) == []
    monkeypatch.undo()
    if scope.patients:
        write_report_of(database, name, settings, folder)
        assert NUMBER not in (folder / "results.csv").read_text()
        assert len(rows(database, output)) == len(REPORT_FILES)


def test_files_of_a_killed_report_are_named_until_removed_by_hand(
    shell: Shell, database: Database, tmp_path: Path
) -> None:
    shell.run(f"report night --report {tmp_path}/mine")
    own = report_folder(Settings(state=shell.state), "night")
    own.mkdir(parents=True)
    mine = tmp_path / "mine" / "new.csv"
    paths = [mine, tmp_path / "mine" / "sheet.png", own / "results.csv", tmp_path / "a" / "b.csv"]
    begin_outputs(database, paths, of_batch="night")
    mine.write_text(NUMBER)
    (own / "results.csv").write_text(NUMBER)
    (tmp_path / "a").mkdir()

    look = shell.run("forget --batch night --dry-run").stdout
    said = shell.run("forget --batch night --yes").stdout

    for each in (look, said):
        assert f"stays    {mine}: was not completely written" in each
        assert each.count("stays") == 1
        assert str(own / "results.csv") in each
    assert list((tmp_path / "mine").iterdir()) == [mine]
    assert not own.exists()
    mine.unlink()
    assert "stays" not in shell.run("forget --before 1990-01-01 --yes").stdout
    assert rows(database, output) == []


@pytest.mark.parametrize("others", [False, True], ids=["alone", "on a sheet"])
def test_a_picture_drawn_during_forgetting_is_deleted(
    shell: Shell, database: Database, tmp_path: Path, *, others: bool
) -> None:
    del shell
    picture = tmp_path / "one.png"
    every = rows(database, radiograph)
    drawn = [each.id for each in every if others or each.patient_id == NUMBER]
    assert {each.patient_id for each in every} > {NUMBER}

    def draw() -> None:
        with noted_outputs(database, [picture], of_radiographs=drawn) as written:
            picture.write_text("drawn")
            written.append(picture)
            for _ in erase(database, Scope(patients=(NUMBER,))):
                pass

    with pytest.raises(StudyUnknown, match="forgotten meanwhile"):
        draw()
    assert not picture.exists()
    assert rows(database, output) == []


def take_share_away(share: Path, database: Database) -> None:
    del database
    share.rename(share.with_name("elsewhere"))


def bring_share_back(share: Path, database: Database) -> None:
    del database
    share.with_name("elsewhere").rename(share)


def put_a_file_in_its_place(share: Path, database: Database) -> None:
    take_share_away(share, database)
    share.write_text("a file")


def take_that_file_away(share: Path, database: Database) -> None:
    share.unlink()
    bring_share_back(share, database)


def be_another_host(share: Path, database: Database) -> None:
    del share
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE output SET host = 'elsewhere'")


def be_this_host(share: Path, database: Database) -> None:
    del share
    with database.write() as connection:
        connection.execute(update(output).values(host=socket.gethostname()))


@pytest.mark.parametrize(
    ("hinder", "help_again", "why"),
    [
        (take_share_away, bring_share_back, "its folder is missing"),
        (put_a_file_in_its_place, take_that_file_away, "its folder is missing"),
        (be_another_host, be_this_host, "on elsewhere"),
    ],
    ids=["share", "file", "host"],
)
def test_files_not_deleted_are_deleted_by_the_next_forgetting(
    *,
    shell: Shell,
    database: Database,
    tmp_path: Path,
    hinder: Callable[[Path, Database], None],
    help_again: Callable[[Path, Database], None],
    why: str,
) -> None:
    share = tmp_path / "share"
    shell.run(f"report night --report {share}/mine")
    hinder(share, database)

    said = shell.run("forget --batch night --yes").stdout
    again = shell.run("forget --before 1990-01-01 --yes").stdout

    assert [f"{share}/mine/results.csv" in each and why in each for each in (said, again)] == [
        True,
        True,
    ]
    assert seen_files(database) == {"day": 3}
    help_again(share, database)
    shell.run("forget --before 1990-01-01 --dry-run")
    assert (share / "mine" / "results.csv").exists()
    (share / "mine" / "failures.csv").unlink()  # removed by hand; its folder exists
    last = shell.run("forget --before 1990-01-01 --yes").stdout
    assert f"on disk  {share}/mine/results.csv" in last
    assert "stays" not in last
    assert list((share / "mine").iterdir()) == []
    assert rows(database, output) == []


def test_a_report_folder_removed_by_hand_is_not_reported_again(
    shell: Shell, database: Database
) -> None:
    shell.run("report night")
    shutil.rmtree(shell.state / "reports" / "night")
    assert "stays" not in shell.run("forget --batch night --yes").stdout
    assert rows(database, output) == []
