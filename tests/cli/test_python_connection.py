"""`thoraq.connect`: the results of commands, as records and data frames."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pytest
from sqlalchemy import text

import thoraq
import thoraq.connection
import thoraq.files
from cli.commands.failures import failures as failures_command
from cli.commands.results import results as results_command
from db.audit import audit_rows
from db.database import Database
from db.errors import BatchUnknown, DatabaseAway, DatabaseReadOnly, SchemaNewer, SchemaOutdated
from db.models import register_model
from db.states import JobState, Priority
from network.card import shipped_card
from results.columns import COLUMNS
from results.errors import ArgumentInvalid, PandasMissing, ReadUnaudited
from scheduler.errors import PlaceMissing
from testbed.radiographs import write_radiographs
from testbed.records import measure_all, refused, seen, submit
from tests.cli.processed import Processed

#: Options of the commands that are not filters.
PRINTING = {"form", "state", "only_columns", "only_count"}


@pytest.mark.parametrize(
    ("command", "method", "elsewhere"),
    [
        (
            results_command,
            thoraq.Connection.results,
            PRINTING,
        ),
        (
            failures_command,
            thoraq.Connection.failures,
            PRINTING | {"named"},
        ),
    ],
    ids=["results", "failures"],
)
def test_a_method_takes_every_filter_of_its_command(
    command: click.Command, method: Any, elsewhere: set[str]
) -> None:
    options = {parameter.name for parameter in command.params} - elsewhere
    called = {"measured_by": "model", "sorted_by": "sort"}
    asked = {called.get(str(name), str(name)) for name in options}
    assert asked == set(inspect.signature(method).parameters) - {"self"}


def test_results_equal_those_of_the_command(processed: Processed) -> None:
    words = ("--enlarged", "--where", "age_years>=18", "--study-from", "2012-01-01")
    printed = processed.commands.json("results", *words)
    with thoraq.connect(processed.commands.state) as archive:
        found = archive.results(enlarged=True, where="age_years>=18", study_from="2012-01-01")
        assert [each.measurement_id for each in found] == [row["measurement"] for row in printed]
        assert found.count() == len(printed) > 0
        table = found.to_arrow()
        assert table.column_names == [column.name for column in COLUMNS]
        assert table["ict"].to_pylist() == [row["ict"] for row in printed]
        assert table.schema.field("study_date").type == pa.date32()
        largest = [each.measurement.ict.value or 0.0 for each in archive.results(sort="ict:desc")]
        assert largest == sorted(largest, reverse=True)
        nobody = archive.results(ict_above=5.0)
        assert (list(nobody), nobody.to_arrow().num_rows) == ([], 0)
        assert nobody.to_arrow().schema == table.schema


def test_a_patient_is_found_by_a_hashed_id(processed: Processed) -> None:
    with thoraq.connect(processed.commands.state) as archive:
        found = list(archive.results(patient="PHANTOM-0001"))
        assert [Path(each.path).parts[-3] for each in found] == ["PHANTOM-0001"]
        same = archive.results(study=found[0].path)
        assert [each.radiograph_id for each in same] == [found[0].radiograph_id]


def test_without_pandas_a_data_frame_is_refused_with_a_remedy(
    processed: Processed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with (
        thoraq.connect(processed.commands.state) as archive,
        pytest.raises(PandasMissing, match="pip install pandas"),
    ):
        archive.results().to_pandas()


@pytest.mark.parametrize(
    "argument",
    [
        {"bucket": "splendid"},
        {"ict_above": float("nan")},
        {"ict_below": "much"},
        {"since": "yesterday"},
        {"until": 7},
        {"study_from": "2012-13-01"},
        {"where": "age<"},
        {"where": ["no_such_column=1"]},
        {"where": [3]},
        {"limit": 0},
        {"limit": 2**31},
        {"limit": "some"},
        {"sort": "ict:downwards"},
        {"sort": "points"},
    ],
    ids=str,
)
def test_an_invalid_argument_is_named(argument: dict[str, Any], sqlite_url: str) -> None:
    with (
        thoraq.connect(sqlite_url) as archive,
        pytest.raises(ArgumentInvalid, match=next(iter(argument))) as raised,
    ):
        archive.results(**argument)
    assert isinstance(raised.value, ValueError)


def test_both_databases_can_be_written_and_queried(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THORAQ_STATE", str(tmp_path / "state"))
    write_radiographs(tmp_path / "archive", 3)
    (tmp_path / "archive" / "note.txt").write_text("see you tomorrow")
    counts: list[int] = []
    with thoraq.connect(database_url) as archive:
        done = archive.submit(
            [tmp_path / "archive"],
            batch="tonight",
            priority="urgent",
            progress=lambda count: counts.append(count.seen),
        )
        assert done.batch.priority is Priority.URGENT
        assert (done.count.seen, done.count.queued, done.count.refused) == (4, 3, 1)
        assert counts[-1] == 4
        again = archive.submit(tmp_path / "archive", batch="tonight")
        assert (again.count.known, again.count.queued) == (4, 0)
        assert [each.batch.name for each in archive.batches()] == ["tonight"]
        assert archive.status("tonight").queued == 3
        [failure] = archive.failures("tonight")
        assert (failure.code, failure.state) == ("not-an-image", JobState.SET_ASIDE)
        assert list(archive.failures(failed=True)) == []
        assert list(archive.failures(codes="no-pixels")) == []
        measure_all(database)
        assert archive.results(batch="tonight").count() == 3
        assert archive.results().to_arrow().num_rows == 3
        for unknown in (archive.status, archive.failures, lambda n: archive.results(batch=n)):
            with pytest.raises(BatchUnknown):
                unknown("nobody's")
        with pytest.raises(PlaceMissing):
            archive.submit(tmp_path / "nowhere")
        with pytest.raises(ArgumentInvalid, match="priority"):
            archive.submit(tmp_path / "archive", priority="soon")
        with pytest.raises(ArgumentInvalid, match="batch"):
            archive.submit(tmp_path / "archive", batch=" tonight")
        with pytest.raises(ArgumentInvalid, match="paths"):
            archive.submit([])
        assert len(archive.batches()) == 1


def fill(database: Database) -> None:
    """Return a database a batch of two measured files."""
    card = shipped_card()
    register_model(database, card.version, card.weights_digest, card.card, serve=True)
    submit(database, [seen(1), seen(2)], model=card.version)
    measure_all(database)
    database.dispose()


@pytest.mark.parametrize(
    ("revision", "error"), [("9999", SchemaNewer), ("0001", SchemaOutdated)], ids=["newer", "older"]
)
def test_another_schema_is_refused_like_by_commands(
    database: Database, database_url: str, revision: str, error: type[Exception], tmp_path: Path
) -> None:
    fill(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    with thoraq.connect(database_url) as archive:
        for ask in (
            archive.batches,
            archive.results,
            archive.failures,
            lambda: archive.status("night"),
        ):
            with pytest.raises(error, match=revision):
                ask()
        if error is SchemaNewer:
            with pytest.raises(SchemaNewer):
                archive.submit(tmp_path, batch="new")


def read_only(url: str) -> str:
    """Return the URL of a database in read-only mode."""
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}options=-cdefault_transaction_read_only%3Don"


def test_a_read_only_database_can_be_read(postgres_url: str, tmp_path: Path) -> None:
    fill(Database.open(postgres_url))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "note.txt").write_text("see you tomorrow")
    with thoraq.connect(read_only(postgres_url)) as archive:
        assert archive.results(batch="night").count() == len(list(archive.results())) == 2
        assert len(archive.batches()) == 1
        assert list(archive.failures()) == []
        with pytest.raises(DatabaseReadOnly):
            archive.submit(tmp_path / "files", batch="new")


def test_a_query_creates_no_database(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for state in (tmp_path / "there", tmp_path / "absent", f"sqlite:///{tmp_path}/some.db"):
        with thoraq.connect(state) as archive:
            for ask in (archive.batches, archive.results, archive.failures):
                with pytest.raises(DatabaseAway, match="does not exist"):
                    ask()
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def reads(database: Database) -> list[tuple[str | None, object]]:
    """Return the audit entries of reads, the oldest first."""
    return [
        (row.subject, row.details) for row in reversed(audit_rows(database)) if row.action == "read"
    ]


def test_reading_from_python_is_audited_like_a_command(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    monkeypatch.setenv("THORAQ_PATIENT_KEY", "0123456789abcdef" * 4)
    with thoraq.connect(database_url) as archive:
        archive.batches()
        found = archive.results(batch="night", patient="7391846250")
        assert reads(database) == []
        assert list(found) == []
        assert archive.results(limit=1).to_arrow().num_rows == 1
        assert list(archive.failures("night", codes=["no-pixels"], failed=True)) == []
    said = {"command": "thoraq.results", "pictures": False}
    assert reads(database) == [
        ("night", {**said, "filters": ["patient"], "rows": 0}),
        (None, {**said, "filters": [], "rows": 1}),
        (
            "night",
            {**said, "command": "thoraq.failures", "filters": ["codes", "failed"], "rows": 0},
        ),
    ]


def test_paths_are_returned_in_the_form_of_the_settings(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(database, [refused("notes.txt")])
    fill(database)
    monkeypatch.setenv("THORAQ_SHOW_PATHS", "hashed")
    monkeypatch.setenv("THORAQ_PATIENT_KEY", "0123456789abcdef" * 4)
    with thoraq.connect(database_url) as archive:
        paths = [each.path for each in archive.results()]
        paths += archive.results().to_arrow()["path"].to_pylist()
        paths += [each.path for each in archive.failures()]
    assert len(paths) == 5
    assert [path for path in paths if not re.fullmatch("[0-9a-f]{32}", path)] == []


def test_a_required_audit_entry_that_fails_prevents_reading(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(Database.open(postgres_url))
    monkeypatch.setenv("THORAQ_AUDIT_READS", "required")
    with thoraq.connect(read_only(postgres_url)) as archive:
        for found in (iter(archive.results()), archive.failures()):
            with pytest.raises(ReadUnaudited):
                next(found)
