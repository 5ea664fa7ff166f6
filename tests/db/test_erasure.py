"""Forgotten data is removed from every table and file; contents of other batches are kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db import rounds as rounds_module
from db.audit import audit_rows
from db.begun_outputs import begin_outputs, finish_outputs
from db.claims import claim_chunk
from db.database import Database
from db.erasure import erase, plan_erasure
from db.erasure_records import ErasureCount, Scope
from db.errors import BatchUnfinished, BatchUnknown
from db.intake import open_batch, read_files, record_files
from db.operations import cancel
from db.outputs import drop_outputs
from db.put_away_paths import ended_files
from db.query.results import file_outcomes, find_results
from db.query.status import all_statuses, batch_status
from db.records import ResultFilter, SeenFile
from db.space import rewrite
from db.states import Priority
from db.tables import batch, chunk, failure, file, job, measurement, metadata, output, radiograph
from testbed.checkout import ROOT
from testbed.records import (
    BROKEN,
    LEASE,
    MODEL,
    START,
    claim,
    measure_all,
    measured,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)
from testbed.tables import rows
from testbed.tally import check_tally

DAY = timedelta(days=1)
#: A number that is part of every stored text about this patient.
NUMBER = "7391846250"


def note(db: Database, path: Path, **about: Any) -> None:
    assert finish_outputs(db, begin_outputs(db, [path], **about), [path])


def forget(db: Database, **scope: Any) -> ErasureCount:
    whole = ErasureCount()
    for some in erase(db, Scope(**scope)):
        whole += some
    return whole


def settle_all(db: Database, patients: dict[str, str], *, now: Any = START) -> None:
    """Measure waiting files; the patient is looked up by path, the default is p-0."""
    for chunk_id in send(db, now=now):
        taken = claim(db, chunk_id, now=now)
        outcomes = [
            refusing(each, BROKEN)
            if "broken" in each.paths[0]
            else measured(each, patient_id=patients.get(each.paths[0], "p-0"))
            for each in taken.jobs
        ]
        store(db, taken, outcomes, now=now)


def texts(db: Database) -> str:
    """Return every value of every table."""
    return "\n".join(repr(row) for table in metadata.sorted_tables for row in rows(db, table))


def own_files(numbers: Sequence[int], folder: str = "/archive") -> list[SeenFile]:
    return [seen(n, path=f"{folder}/{n}.dcm") for n in numbers]


@pytest.fixture
def filled(database: Database) -> Database:
    """Return two batches with failures that share contents 3 and 4, which count for `night`."""
    night = [*own_files(range(5)), seen(0, path="/archive/again.dcm"), refused("night.txt")]
    submit(database, [*night, seen(90, path="/archive/broken.dcm")], name="night")
    day = [*own_files(range(3, 8), "/copies"), refused("day.txt")]
    submit(database, [*day, seen(91, path="/copies/broken.dcm")], name="day")
    patients = {"/archive/1.dcm": "p-1", "/archive/3.dcm": "p-1", "/copies/5.dcm": "p-1"}
    settle_all(database, patients)
    check_tally(database)
    return database


def test_forgetting_a_batch_keeps_contents_of_another_batch(filled: Database) -> None:
    plan = plan_erasure(filled, Scope(batch="night"))
    before = {table.name: len(rows(filled, table)) for table in metadata.sorted_tables}

    count = forget(filled, batch="night")

    assert count == plan.count
    assert (count.files, count.radiographs, count.measurements) == (8, 4, 3)
    assert (count.failures, count.batches, count.handed_over) == (1, 1, 2)
    assert (plan.batches, plan.emptied) == ({"night": 8}, ("night",))
    for table, gone in ((file, 8), (radiograph, 4), (measurement, 3), (failure, 1), (job, 4)):
        assert len(rows(filled, table)) == before[table.name] - gone, table.name
    assert [each.batch.name for each in all_statuses(filled)] == ["day"]
    status = batch_status(filled, "day")
    assert (status.measured, status.failed, status.duplicates) == (5, 2, 0)
    assert len(list(find_results(filled, ResultFilter(batch="day")))) == 5
    check_tally(filled)
    assert "/archive/" not in texts(filled).replace("/archive/day.txt", "")
    assert {row.path.split("/")[1] for row in rows(filled, radiograph)} == {"copies"}


def test_forgetting_a_patient_removes_their_files_from_every_batch(filled: Database) -> None:
    plan = plan_erasure(filled, Scope(patients=("p-1",)))
    count = forget(filled, patients=("nobody", "p-1"))

    assert count == plan.count
    # Content 3 is in both batches.
    assert (count.files, count.radiographs, count.measurements) == (4, 3, 3)
    assert (plan.batches, plan.emptied) == ({"night": 2, "day": 2}, ())
    assert [each.seen for each in all_statuses(filled)] == [6, 5]
    check_tally(filled)
    assert "p-1" not in texts(filled)
    assert forget(filled, patients=("p-1",)) == ErasureCount()


def test_forgetting_before_a_time_removes_old_files_and_emptied_batches(filled: Database) -> None:
    later = START + 2 * DAY
    submit(filled, own_files(range(20, 23), "/later"), name="later")
    settle_all(filled, {}, now=later)
    # Content 0 was measured early, and later by another network: it is kept completely.
    submit(filled, own_files([0], "/later"), name="later", model="lungs-2")
    settle_all(filled, {}, now=later)

    assert forget(filled, before=START) == ErasureCount()
    plan = plan_erasure(filled, Scope(before=START + DAY))
    count = forget(filled, before=START + DAY)

    assert count == plan.count
    assert (count.files, count.radiographs, count.batches) == (13, 9, 1)
    assert plan.emptied == ("day",)
    assert {each.batch.name: each.seen for each in all_statuses(filled)} == {"night": 2, "later": 4}
    check_tally(filled)


def test_a_batch_with_waiting_or_running_files_is_not_forgotten(database: Database) -> None:
    submit(database, own_files(range(8)))
    [first, _] = send(database)
    for check in (plan_erasure, lambda db, scope: list(erase(db, scope))):
        with pytest.raises(BatchUnfinished, match="8 of its files are waiting or running"):
            check(database, Scope(batch="night"))
    taken = claim(database, first)
    cancel(database, "night", 4)
    with pytest.raises(BatchUnfinished, match="4 of its files"):
        forget(database, batch="night")
    assert store(database, taken, [measured(each) for each in taken.jobs]) == 4
    assert forget(database, batch="night").files == 8
    with pytest.raises(BatchUnknown):
        forget(database, batch="night")
    assert all(not rows(database, table) for table in (batch, file, job, radiograph, chunk))
    assert all_statuses(database) == []


def test_a_job_that_runs_while_its_patient_is_forgotten_stores_nothing(
    database: Database,
) -> None:
    submit(database, own_files(range(2)))
    measure_all(database)
    submit(database, own_files(range(2)), name="again", model="lungs-2")
    [chunk_id] = send(database)
    taken = claim_chunk(database, chunk_id, "cpu0@host", LEASE, now=START)
    assert taken is not None

    assert forget(database, patients=("p-1",)).batches == 2

    assert store(database, taken, [measured(each) for each in taken.jobs]) == 0
    assert rows(database, measurement) == rows(database, radiograph) == []
    check_tally(database)


def test_forgotten_files_are_measured_again_when_resubmitted(filled: Database) -> None:
    forget(filled, batch="night")
    forget(filled, patients=("p-1",))
    submit(filled, own_files(range(5)), name="night")
    assert batch_status(filled, "night").queued == 4  # content 4 still counts for the other batch
    settle_all(filled, {})
    assert batch_status(filled, "night").measured == 4
    check_tally(filled)


def test_submitting_to_a_forgotten_batch_fails(database: Database) -> None:
    held = open_batch(database, "night", Priority.ROUTINE)
    forget(database, batch="night")
    open_batch(database, "another patient's", Priority.ROUTINE)  # SQLite reuses the id
    with pytest.raises(BatchUnknown, match="forgotten meanwhile"):
        record_files(database, held, own_files(range(2)), MODEL, 4)
    assert rows(database, file) == []


def test_the_audit_names_neither_the_batch_nor_the_patient(database: Database) -> None:
    submit(database, own_files(range(2)), name=f"of {NUMBER}")
    cancel(database, f"of {NUMBER}", 4)
    submit(database, own_files(range(2)), name="night")
    settle_all(database, {"/archive/0.dcm": NUMBER})
    forget(database, batch=f"of {NUMBER}")
    forget(database, patients=(NUMBER,))

    found = audit_rows(database)

    assert NUMBER not in repr(found)
    gone = f"batch 1, forgotten {found[1].at.isoformat(timespec='milliseconds')}"
    assert [(each.action, each.subject) for each in found] == [
        ("forget", None),
        ("forget", gone),
        ("submit", "night"),
        ("cancel", gone),
        ("submit", gone),
    ]
    assert found[0].details["by"] == "patient"
    assert found[0].details["radiographs"] == 1


def test_the_audit_log_distinguishes_batches_with_a_reused_id(database: Database) -> None:
    held = []
    for nth, name in enumerate(("one", "two", "three")):
        held.append(submit(database, own_files([nth]), name=name))
        measure_all(database)
        for former in held[:-1]:
            for read in (
                lambda of: read_files(database, of, [seen(9).stat]),
                lambda of: ended_files(database, of, after=0, limit=9),
            ):
                with pytest.raises(BatchUnknown, match="forgotten meanwhile"):
                    read(former)
        assert len(ended_files(database, held[-1], after=0, limit=9)) == 1
        for _ in erase(database, Scope(batch=name), now=START + nth * DAY):
            pass
    subjects = [each.subject for each in audit_rows(database) if each.action == "forget"]
    assert len(set(subjects)) == 3
    submitted = [each.subject for each in audit_rows(database) if each.action == "submit"]
    assert submitted == subjects


def test_forgotten_data_is_not_in_the_files_of_sqlite(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    named = [seen(n, path=f"/archive/{NUMBER}/{n:04}.dcm") for n in range(0, 600, 2)]
    others = [seen(n, path=f"/archive/other/{n:04}.dcm") for n in range(1, 600, 2)]
    mixed = [each for pair in zip(named, others, strict=True) for each in pair]
    submit(database, mixed, name=f"all of {NUMBER}", chunk_size=100)
    submit(database, others, name="others")
    settle_all(database, {each.stat.path: NUMBER for each in named})
    path = Path(sqlite_url.removeprefix("sqlite:///"))

    def remains() -> list[str]:
        found = path.parent.glob(f"{path.name}*")
        return [each.name for each in found if NUMBER.encode() in each.read_bytes()]

    assert remains()
    forget(database, batch=f"all of {NUMBER}")
    database.dispose()
    assert rewrite(sqlite_url)
    assert remains() == []
    assert batch_status(database, "others").measured == 300
    database.dispose()


def test_a_reader_that_keeps_the_log_in_use_is_reported(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    submit(database, own_files(range(2)))
    with database.read() as connection:
        connection.execute(batch.select()).all()
        assert not rewrite(sqlite_url)
    assert rewrite(sqlite_url)
    database.dispose()


def test_tables_are_vacuumed_on_postgresql(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    submit(database, own_files(range(2)))
    assert rewrite(postgres_url)
    database.dispose()


def test_reports_and_pictures_of_forgotten_data_are_listed(
    filled: Database, tmp_path: Path
) -> None:
    written = {name: tmp_path / name for name in ("night.csv", "day.csv", "of 2", "of 5")}
    for each in written.values():
        each.write_text("said")
    ids = {row.path: row.id for row in rows(filled, radiograph)}
    note(filled, written["night.csv"], of_batch="night")
    note(filled, written["night.csv"], of_batch="night")  # overwritten
    note(filled, written["day.csv"], of_batch="day")
    note(filled, written["of 2"], of_radiographs=[ids["/archive/2.dcm"]])
    note(filled, written["of 5"], of_radiographs=[ids["/copies/5.dcm"]])

    def named(**scope: Any) -> list[str]:
        return [Path(each.path).name for each in plan_erasure(filled, Scope(**scope)).outputs]

    assert named(batch="night") == ["night.csv", "of 2"]
    assert named(batch="day") == ["day.csv", "of 5"]
    assert named(patients=("p-1",)) == ["night.csv", "day.csv", "of 5"]
    forget(filled, batch="night")
    # Files not yet removed from disk are listed by every forgetting, for any subject.
    assert named(patients=("nobody",)) == ["night.csv", "of 2"]
    assert named(batch="day") == ["night.csv", "day.csv", "of 2", "of 5"]
    drop_outputs(filled, [each.id for each in rows(filled, output)[:1]])
    assert named(patients=("nobody",)) == ["of 2"]


@pytest.mark.parametrize("kind", ["batch", "patient"])
@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_a_killed_forgetting_is_completed_by_the_same_command(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, kind: str, rounds: int
) -> None:
    monkeypatch.setattr(rounds_module, "ROUND", 16)
    submit(database, own_files(range(40)))
    submit(database, own_files(range(40), "/copies"), name="day")
    settle_all(database, {})
    name = {"batch": "night", "patient": "p-0"}[kind]
    script = [sys.executable, "-m", "tests.db.killed_erasure", database_url, kind, name]
    ended = subprocess.run([*script, str(rounds)], cwd=ROOT, check=False)

    assert ended.returncode == -9
    check_tally(database)
    assert len(rows(database, file)) == 80 - rounds * (16 if kind == "batch" else 32)
    scope = {"batch": name} if kind == "batch" else {"patients": (name,)}
    forget(database, **scope)
    check_tally(database)
    left = ["day"] if kind == "batch" else []
    assert [each.batch.name for each in all_statuses(database)] == left
    assert len(list(file_outcomes(database, "day"))) == 40 if left else not rows(database, batch)
