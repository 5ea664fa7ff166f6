"""The schema: migrations create the tables of the code on both databases, and downgrade."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, literal_column, text, true

from db import migration, schema
from db.backup.known_schema import definition
from db.claims import claim_chunk
from db.database import Database
from db.engine import engine_of
from db.errors import DatabaseRefused, SchemaNewer, SchemaOutdated
from db.intake import open_batch
from db.models import register_model
from db.operations import cancel, retry
from db.outbox import unsent_chunks
from db.pauses import pause_batch
from db.query.status import all_statuses
from db.schema_state import SchemaState
from db.states import Priority
from db.tables import (
    batch,
    chunk,
    file,
    job,
    measurement,
    metadata,
    model,
    radiograph,
    training_run,
)
from db.training.claims import claim_run, record_check, record_phase
from db.training.records import NewRun
from db.training.runs import open_run
from radiograph.errors import Disposition
from radiograph.records import Bucket, BucketBasis, IctRule, ImageFormat, SpacingSource, View
from testbed.checkout import ROOT
from testbed.records import BROKEN, CHECK, MODEL, PHASE, START, measure_all, refused, seen, submit
from testbed.tables import rows
from tests.db.race import race


def catalogue(connection: Connection) -> dict[str, Any]:
    """Return every table, constraint and index from the database's catalogue."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(
            text(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'al%' "
                # metadata knows none of these: test_tally and test_views show what they do
                "AND type NOT IN ('trigger', 'view')"
            )
        )
        # The order of columns and constraints does not matter, nor do quotes.
        return {name: definition(sql) for name, sql in found}
    columns = connection.execute(
        text(
            "SELECT table_name || '.' || column_name, data_type, character_maximum_length, "
            "is_nullable, column_default FROM information_schema.columns "
            "JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
            "AND table_name <> 'alembic_version'"
        )
    )
    constraints = connection.execute(
        text(
            "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
            "AND conrelid::regclass::text <> 'alembic_version'"
        )
    )
    indexes = connection.execute(
        text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "AND tablename <> 'alembic_version'"
        )
    )
    return {row[0]: tuple(row[1:]) for part in (columns, constraints, indexes) for row in part}


def catalogue_of(url: str) -> dict[str, Any]:
    engine = engine_of(url)
    with engine.begin() as connection:
        found = catalogue(connection)
    engine.dispose()
    return found


def test_the_newest_revision_is_the_one_alembic_knows(database_url: str) -> None:
    assert migration.check(database_url) == schema.check(database_url)
    assert migration.check(database_url).head == schema.HEAD


def test_migrations_create_the_tables_of_the_code(
    database_url: str, empty_url_of_same_kind: str
) -> None:
    engine = engine_of(empty_url_of_same_kind, make=True)
    metadata.create_all(engine)
    engine.dispose()

    migrated = catalogue_of(database_url)

    assert migrated == catalogue_of(empty_url_of_same_kind)
    assert len(migrated) > len(metadata.tables)


def test_autogenerate_finds_nothing_to_add(database_url: str) -> None:
    engine = engine_of(database_url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        (batch, "priority", Priority),
        (chunk, "priority", Priority),
        (job, "priority", Priority),
        (file, "disposition", Disposition),
        (radiograph, "format", ImageFormat),
        (radiograph, "view", View),
        (radiograph, "spacing_source", SpacingSource),
        (measurement, "bucket", Bucket),
        (measurement, "bucket_basis", BucketBasis),
        (measurement, "ict_rule", IctRule),
    ],
)
def test_the_database_accepts_only_the_values_of_an_enum(
    database: Database, table: Any, column: str, values: Any
) -> None:
    submit(database, [seen(1), refused("x")])
    measure_all(database)
    has_one = table.c[column].is_not(None) if table is file else true()
    with database.write() as connection:
        for value in values:
            connection.execute(table.update().where(has_one).values({column: value}))
    # As SQL, since the column's type would not pass it to the database.
    purple = table.update().where(has_one).values({column: literal_column("'purple'")})
    with pytest.raises(DatabaseRefused), database.write() as connection:
        connection.execute(purple)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job SET state = 'purple'",
        "UPDATE job SET state = 'running'",  # without an owner it could not be requeued
        "UPDATE job SET owner = 'me'",
        "UPDATE file SET job_id = NULL, duplicate = true",  # neither refused nor a job's
        "UPDATE file SET disposition = 'failed'",  # both
        "UPDATE file SET duplicate = false",  # two files would count for one job
        "UPDATE file SET job_id = 77",
        """INSERT INTO job (radiograph_id, model_version, state, priority, attempts,
        transient_refusals, alone_crashes) SELECT radiograph_id, model_version, state, priority,
        0, 0, 0 FROM job""",
    ],
)
def test_constraints_keep_the_ledger_consistent(database: Database, statement: str) -> None:
    submit(database, [seen(1), seen(1, path="/copy")])
    with pytest.raises(DatabaseRefused), database.write() as connection:
        connection.execute(text(statement))


def fill(db: Database) -> None:
    register_model(db, MODEL, "a" * 64, {"error": 5.2}, serve=True)
    submit(
        db, [*(seen(number) for number in range(8)), seen(1, path="/copy"), refused("x", BROKEN)]
    )
    measure_all(db)
    submit(db, [seen(20), seen(21)])
    claim_chunk(db, 3, "cpu0@host", 60.0)
    run = open_run(db, NewRun("night", "/films", {"seed": 1}))
    claim = claim_run(db, run.id, "training0@host", "cpu", 60.0)
    assert claim is not None
    record_check(db, claim.owner, CHECK)
    record_phase(db, claim.owner, PHASE)


def test_a_filled_database_goes_down_and_up_again(database: Database, database_url: str) -> None:
    fill(database)
    database.dispose()
    before = catalogue_of(database_url)

    assert migration.downgrade(database_url, "base").current is None
    assert catalogue_of(database_url) == {}
    with pytest.raises(SchemaOutdated, match="thoraq db upgrade"):
        open_batch(database, "night", Priority.ROUTINE)

    assert schema.upgrade(database_url).up_to_date
    assert catalogue_of(database_url) == before
    fill(database)


def test_the_migration_takes_cancelled_batches_from_the_audit_log(
    database: Database, database_url: str
) -> None:
    for name in ("cancelled", "retried", "all retried", "waiting"):
        submit(database, [seen(1)], name=name)
    later = START + timedelta(hours=1)
    cancel(database, "all retried", 32, now=START)
    retry(database, None, None, 32, now=START + timedelta(minutes=1))
    cancel(database, "cancelled", 32, now=later)
    cancel(database, "retried", 32, now=later)
    retry(database, "retried", None, 32, now=later + timedelta(minutes=1))
    database.dispose()

    migration.downgrade(database_url, "0005")
    schema.upgrade(database_url)

    found = {row.name: row.cancelled_at for row in rows(database, batch)}
    assert found == {"cancelled": later, "retried": None, "all retried": None, "waiting": None}


def test_a_running_night_is_downgraded_and_upgraded_with_every_row(
    database: Database, database_url: str
) -> None:
    fill(database)
    submit(database, [seen(40), seen(41)], name="other")
    pause_batch(database, "other")
    kept = (batch, file, job, radiograph, measurement, training_run)
    before = {table.name: len(rows(database, table)) for table in kept}
    ledgers = [
        (each.batch.name, each.seen, each.measured, each.open) for each in all_statuses(database)
    ]
    database.dispose()

    assert migration.downgrade(database_url, "0002").current == "0002"
    with pytest.raises(SchemaOutdated):
        all_statuses(database)
    database.dispose()
    assert schema.upgrade(database_url).up_to_date

    assert {table.name: len(rows(database, table)) for table in kept} == before
    assert ledgers == [
        (each.batch.name, each.seen, each.measured, each.open) for each in all_statuses(database)
    ]
    # Nothing is paused any more, and waiting chunks can be paused again by batch.
    waiting = [message.chunk_id for message in unsent_chunks(database, 100)]
    assert waiting
    pause_batch(database, "other")
    held = set(waiting) - {message.chunk_id for message in unsent_chunks(database, 100)}
    assert len(held) == 1
    assert claim_chunk(database, held.pop(), "cpu0@host", 60.0) is None


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("radiograph", "ck_radiograph_view"),
        ("job", "ck_job_state"),
        ("file", "ck_file_disposition"),
    ],
)
def test_altering_a_filled_table_keeps_its_rows_and_references(
    database: Database, database_url: str, name: str, check: str
) -> None:
    fill(database)
    kept = {table.name: rows(database, table) for table in metadata.sorted_tables}
    database.dispose()
    before = catalogue_of(database_url)

    with migration.lone_transaction(database_url) as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        operations = Operations(context)
        recreate = "always" if connection.dialect.name == "sqlite" else "auto"
        with operations.batch_alter_table(name, recreate=recreate) as altered:
            altered.drop_constraint(operations.f(check), type_="check")

    after = catalogue_of(database_url)
    assert after != before
    assert {each: rows(database, metadata.tables[each]) for each in kept} == kept
    with database.write() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    with pytest.raises(DatabaseRefused), database.write() as connection:
        connection.execute(radiograph.delete())  # files still refer to them


def test_a_migration_that_would_orphan_rows_is_rolled_back(
    database: Database, sqlite_url: str
) -> None:
    del database
    db = Database.open(sqlite_url)
    fill(db)
    with (
        pytest.raises(DatabaseRefused, match="orphan"),
        migration.lone_transaction(sqlite_url) as connection,
    ):
        connection.execute(radiograph.delete())
    assert len(rows(db, radiograph)) == 10
    db.dispose()


def test_processes_that_upgrade_at_once_take_turns(empty_url: str) -> None:
    assert race("racing_upgrades", [[empty_url]] * 4) == [schema.check(empty_url).head] * 4
    assert schema.check(empty_url).up_to_date


def test_check_lists_pending_revisions_and_creates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "thoraq.db"
    state = schema.check(f"sqlite:///{path}")
    assert state == SchemaState(
        current=None,
        head=schema.HEAD,
        pending=tuple(f"{each:04}" for each in range(1, int(schema.HEAD) + 1)),
    )
    assert not state.up_to_date
    assert not path.parent.exists()

    schema.upgrade(f"sqlite:///{path}")

    assert schema.check(f"sqlite:///{path}").up_to_date
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_error_for_missing_tables_says_how_to_create_them(empty_url: str) -> None:
    with migration.lone_transaction(empty_url):
        pass  # as after an upgrade that was killed
    db = Database.open(empty_url)
    with pytest.raises(SchemaOutdated, match="thoraq db upgrade"):
        open_batch(db, "night", Priority.ROUTINE)
    db.dispose()


def test_a_database_of_a_newer_thoraq_is_left_alone(database: Database, database_url: str) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaNewer, match="9999"):
        schema.check(database_url)
    with pytest.raises(SchemaNewer, match="9999"):
        schema.upgrade(database_url)


def test_migrations_are_in_the_installed_package(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", reason="needs setuptools to build a wheel without a registry")
    source = tmp_path / "source"
    for name in ("db", "migrations", "radiograph", "pyproject.toml", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (source / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    (source / "README.md").write_text("thoraq\n", encoding="utf-8")
    installed = tmp_path / "installed"
    built = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--target", str(installed), str(source)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    shutil.rmtree(source)

    script = (
        "import db.schema, sys; assert db.__file__.startswith(sys.argv[1]); "
        "print(db.schema.upgrade('sqlite:///made.db').up_to_date)"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", script, str(installed)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},  # noqa: TID251 - a child's environment
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stdout == "True\n", ran.stderr
    with sqlite3.connect(tmp_path / "made.db") as made:
        names = {name for (name,) in made.execute("SELECT name FROM sqlite_master")}
    made.close()
    assert model.name in names
