"""The views for people who query the database say what the commands say, and follow the tables."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Float, inspect, text

from db import migration, schema
from db.archive import Archive, is_hashed
from db.backup.copies import back_up, restore
from db.database import Database
from db.engine import engine_of
from db.models import register_model, serve_model
from db.query.results import find_results
from db.records import ResultFilter
from db.tables import metadata
from migrations.views import POINTS, VIEWS, drop_views, make_views
from radiograph.landmarks import Landmark
from results.columns import COLUMNS, Kind, result_row
from testbed.large_database import fill
from testbed.records import MODEL, measure_all, refused, seen, submit

OTHER = "lungs-2"


@pytest.fixture
def filled(database: Database) -> Database:
    """Give a database of two batches, one radiograph in both, all measured by two networks."""
    register_model(database, MODEL, "a" * 64, {}, serve=True)
    submit(database, [*(seen(number) for number in range(4)), refused("x")], name="night")
    submit(database, [seen(3, path="/copy"), seen(3, path="/again"), seen(9)], name="day")
    measure_all(database)
    register_model(database, OTHER, "b" * 64, {}, serve=False)
    submit(database, [seen(0)], name="other", model=OTHER)
    measure_all(database)
    return database


def asked(database: Database, statement: str, **values: object) -> list[Mapping[str, Any]]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(text(statement), values).mappings()]


def all_of(database: Database, view: str) -> list[Mapping[str, Any]]:
    return asked(database, f"SELECT * FROM {view} ORDER BY radiograph, model")  # noqa: S608


def columns_of(url: str, view: str) -> list[str]:
    engine = engine_of(url)
    with engine.begin() as connection:
        found = [str(each["name"]) for each in inspect(connection).get_columns(view)]
    engine.dispose()
    return found


def definitions(url: str) -> dict[str, str]:
    """Return each view as the database keeps it."""
    engine = engine_of(url)
    with engine.begin() as connection:
        kept = {
            "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'view'",
            "postgresql": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
        }[connection.dialect.name]
        found = {str(name): str(sql) for name, sql in connection.execute(text(kept))}
    engine.dispose()
    return found


@contextmanager
def migrating(url: str) -> Iterator[Connection]:
    """Give a transaction in which the operations of a migration can be called."""
    with migration.lone_transaction(url) as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        with Operations.context(context):
            yield connection


def plain(value: object, kind: Kind) -> object:
    """Return what a client gets as a file holds it: SQLite has neither flags nor times."""
    if value is None:
        return None
    if kind is Kind.FLAG:
        return bool(value)
    if kind is Kind.TIME:
        at = datetime.fromisoformat(str(value))
        return at.replace(tzinfo=None).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def test_the_view_has_the_columns_of_every_listing_and_the_points_of_every_measurement(
    database_url: str,
) -> None:
    listed = [column.name for column in COLUMNS]
    found = columns_of(database_url, "results")
    assert sorted(found) == sorted([*listed, "served"])
    assert tuple(each.name.lower() for each in Landmark) == POINTS
    for name in VIEWS[1:]:
        assert {"radiograph", "model"} < set(columns_of(database_url, name))


def test_the_view_says_what_the_commands_say(filled: Database) -> None:
    expected = {
        row["measurement"]: row for row in map(result_row, find_results(filled, ResultFilter()))
    }
    found = asked(filled, "SELECT * FROM results")
    assert len(found) == len(expected) == 6
    for row in found:
        told = expected[row["measurement"]]
        for column in COLUMNS:
            said, value = told[column.name], plain(row[column.name], column.kind)
            if column.kind is Kind.TIME:
                assert value == str(said).removesuffix("+00:00")
            elif column.digits is not None and value is not None:
                assert value == pytest.approx(said, abs=0.5 * 10.0**-column.digits), column.name
            else:
                assert value == said, column.name


def test_one_row_of_each_radiograph_is_of_the_network_that_is_served(filled: Database) -> None:
    served = "SELECT path FROM results WHERE served"
    assert len(asked(filled, served)) == 5
    serve_model(filled, OTHER)
    assert [row["path"] for row in asked(filled, served)] == ["/archive/0.dcm"]


def test_every_point_has_a_row_with_its_name_and_its_spread(filled: Database) -> None:
    rows = asked(filled, "SELECT * FROM points ORDER BY radiograph, model, number")
    of = {(row["radiograph"], row["model"]): row for row in asked(filled, "SELECT * FROM results")}
    assert len(rows) == len(of) * len(Landmark)
    for row in rows:
        whole, name = of[row["radiograph"], row["model"]], row["name"]
        assert Landmark[name.upper()] == row["number"]
        assert [row["x"], row["y"], row["spread"]] == [
            whole[f"{name}_{what}"] for what in ("x", "y", "spread")
        ]


@pytest.mark.parametrize("batch", ["night", "day", "other"])
def test_a_result_is_of_the_batches_by_which_the_commands_find_it(
    filled: Database, batch: str
) -> None:
    expected = {
        (each.radiograph_id, each.provenance.model_version)
        for each in find_results(filled, ResultFilter(batch=batch))
    }
    found = asked(
        filled, "SELECT radiograph, model FROM result_batches WHERE batch = :batch", batch=batch
    )
    assert len(found) == len(expected) > 0
    assert {(row["radiograph"], row["model"]) for row in found} == expected


def test_the_view_shows_paths_and_patients_as_they_are_stored(database_url: str) -> None:
    database = Database.open(database_url, Archive(hashing=lambda path: f"{len(path):032x}"))
    submit(database, [seen(1), seen(2)])
    before = asked(database, "SELECT path FROM radiograph")
    measure_all(database)
    after = asked(database, "SELECT path, patient_id FROM results")
    database.dispose()
    assert all(row["path"].startswith("/archive/") for row in before)
    assert len(after) == 2
    assert all(is_hashed(row["path"]) for row in after)
    assert {row["patient_id"] for row in after} == {"p-1"}


def test_a_copy_that_is_brought_back_has_the_views(
    filled: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    before = asked(filled, "SELECT * FROM results ORDER BY measurement")
    back_up(database_url, tmp_path / "copy")
    for url in (empty_url_of_same_kind, database_url):
        restore(url, tmp_path / "copy", replace=True)
        database = Database.open(url)
        assert asked(database, "SELECT * FROM results ORDER BY measurement") == before
        assert len(asked(database, "SELECT * FROM points")) == len(before) * len(Landmark)
        database.dispose()
    assert definitions(empty_url_of_same_kind) == definitions(database_url)


def test_a_revision_back_and_on_again_has_the_same_views(
    filled: Database, database_url: str
) -> None:
    before, rows = definitions(database_url), asked(filled, "SELECT * FROM results")
    filled.dispose()
    assert set(before) == set(VIEWS)
    migration.downgrade(database_url, "0015")
    assert definitions(database_url) == {}
    schema.upgrade(database_url)
    assert definitions(database_url) == before
    assert asked(filled, "SELECT * FROM results") == rows


@pytest.mark.parametrize("table", ["radiograph", "measurement", "model", "file", "job", "batch"])
def test_a_table_that_a_migration_makes_anew_is_read_by_the_views_as_before(
    filled: Database, database_url: str, table: str
) -> None:
    before = {view: all_of(filled, view) for view in VIEWS}
    filled.dispose()
    with migrating(database_url) as connection:
        recreate = "always" if connection.dialect.name == "sqlite" else "auto"
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table(table, recreate=recreate):
            pass
    assert all(before.values())
    assert {view: all_of(filled, view) for view in VIEWS} == before


def grant(url: str) -> None:
    with migrating(url) as connection:
        connection.execute(text("GRANT SELECT ON results TO PUBLIC"))


def is_granted(url: str) -> bool:
    with migrating(url) as connection:
        return bool(
            connection.execute(
                text("SELECT relacl::text LIKE '%=r/%' FROM pg_class WHERE relname = 'results'")
            ).scalar()
        )


def test_a_new_measure_is_the_last_column_once_its_migration_has_made_the_views(
    filled: Database, database_url: str
) -> None:
    before = columns_of(database_url, "results")
    as_made = definitions(database_url)
    on_postgresql = database_url.startswith("postgresql")
    if on_postgresql:
        grant(database_url)
    filled.dispose()

    with migrating(database_url) as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.add_column("measurement", Column("wingspan_mm", Float()))
        make_views()
    assert columns_of(database_url, "results") == [*before, "wingspan_mm"]
    assert {row["wingspan_mm"] for row in asked(filled, "SELECT * FROM results")} == {None}
    if on_postgresql:
        assert is_granted(database_url)
    filled.dispose()

    with migrating(database_url) as connection:
        drop_views()
        Operations(MigrationContext.configure(connection)).drop_column("measurement", "wingspan_mm")
        make_views()
    assert definitions(database_url) == as_made


COUNT = 4000


@pytest.fixture(scope="module")
def archive(module_database: Database) -> Database:
    """Give a database of either kind with many results."""
    deque(fill(module_database, COUNT), maxlen=0)
    with module_database.write() as connection:
        if connection.dialect.name == "postgresql":  # which does so by itself; SQLite does not
            connection.exec_driver_sql("ANALYZE")
    return module_database


def plan_of(database: Database, statement: str) -> Sequence[str]:
    with database.read() as connection:
        sqlite = connection.dialect.name == "sqlite"
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        return [str(row[-1]) for row in connection.execute(text(f"{explain} {statement}"))]


def goes_through_all(plan: Sequence[str]) -> bool:
    """Say whether a plan reads a whole table; the few rows of `model` do not count."""
    scans = re.compile(r"^SCAN [mr]\b|Seq Scan on (measurement|radiograph)")
    return any(scans.search(line) for line in plan)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("bucket = 'unrated'", "ix_measurement_bucket_measured_at_id"),
        ("ict > 0.699", "ix_measurement_ict"),
        ("ict > 0.699 AND served", "ix_measurement_ict"),
        ("patient_id = 'p-7'", "ix_radiograph_patient_id"),
        ("study_uid = '1.2.7'", "ix_radiograph_study_uid"),
        ("study_date = '2024-08-01'", "ix_radiograph_study_date"),
        ("radiograph = 7", "uq_measurement_radiograph_id_model_version|sqlite_autoindex"),
        ("measured_at < '2026-03-01 20:00:00.1'", "ix_measurement_measured_at"),
    ],
)
def test_a_condition_on_the_view_is_answered_by_an_index(
    archive: Database, condition: str, index: str
) -> None:
    chosen = f"SELECT path, ict, heart_right_x FROM results WHERE {condition}"  # noqa: S608
    plan = plan_of(archive, chosen)
    assert any(each in line for line in plan for each in index.split("|")), plan
    assert not goes_through_all(plan)


def test_the_points_of_one_radiograph_are_found_without_going_through_all(
    archive: Database,
) -> None:
    plan = plan_of(archive, "SELECT name, x, y FROM points WHERE radiograph = 7")
    assert not goes_through_all(plan)
    found = asked(archive, "SELECT name FROM points WHERE radiograph = 7 ORDER BY number")
    assert [row["name"] for row in found] == list(POINTS)
