"""Manipulated copies: nothing of them is executed, and only rows are restored."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from db.address import sqlite_path
from db.backup import postgres_copies
from db.backup.copies import back_up, restore
from db.database import Database
from db.errors import CopyDamaged, CopyUntrusted, SchemaNewer
from db.query.status import batch_status
from db.tables import measurement
from testbed.records import measure_all, seen, submit
from testbed.tables import rows
from testbed.tally import check_tally
from tests.db.test_restoring import run_sql
from tests.db.test_schema import catalogue_of

SUM = "SELECT coalesce(sum(ict), 0) FROM measurement"
#: Manipulations of a SQLite copy, and what the refusal names.
CHANGES_OF_SQLITE = {
    "a trigger": (
        (
            "CREATE TRIGGER evil AFTER INSERT ON measurement"
            " BEGIN UPDATE measurement SET ict = 0.99; END"
        ),
        "trigger 'evil'",
    ),
    "a trigger of a known name": (
        (
            "DROP TRIGGER tally_job_after;"
            " CREATE TRIGGER tally_job_after AFTER UPDATE OF state ON job"
            " BEGIN UPDATE measurement SET ict = 0.99; END"
        ),
        "trigger 'tally_job_after' with another definition",
    ),
    "a trigger on a view": (
        (
            "CREATE VIEW seen AS SELECT 1 AS a; CREATE TRIGGER evil INSTEAD OF INSERT ON seen"
            " BEGIN DELETE FROM measurement; END"
        ),
        "trigger 'evil'",
    ),
    "a view": ("CREATE VIEW evil AS SELECT * FROM measurement", "view 'evil'"),
    "a view for a table": (
        "ALTER TABLE audit RENAME TO aside; CREATE VIEW audit AS SELECT * FROM aside",
        "view 'audit'",
    ),
    "a view of a known name": (
        "CREATE VIEW points AS SELECT * FROM measurement",
        "view 'points' with another definition",
    ),
    "a table": ("CREATE TABLE evil (a)", "table 'evil'"),
    "a virtual table": ("CREATE VIRTUAL TABLE evil USING fts5(a)", "table 'evil'"),
    "an index": ("CREATE INDEX evil ON measurement (abs(ict))", "index 'evil'"),
    "an index of a known name": (
        "DROP INDEX ix_measurement_ict; CREATE INDEX ix_measurement_ict ON measurement (abs(ict))",
        "index 'ix_measurement_ict' with another definition",
    ),
    "a computed column": (
        "ALTER TABLE measurement ADD COLUMN evil AS (ict + 1)",
        "table 'measurement' with another definition",
    ),
    "another default": (
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
            " replace(sql, 'ict FLOAT', 'ict FLOAT DEFAULT (0.99)') WHERE name = 'measurement'"
        ),
        "table 'measurement' with another definition",
    ),
    "another check": (
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
            " replace(sql, '''set_aside'', ''failed''', '''set_aside'', ''x''') WHERE name = 'file'"
        ),
        "table 'file' with another definition",
    ),
    "fewer tables": ("DROP TABLE audit", "no table 'audit'"),
}


@pytest.fixture
def filled(database: Database) -> Database:
    submit(database, [seen(number) for number in range(8)])
    measure_all(database)
    return database


def sum_of(url: str) -> float:
    """Return the sum of the ICTs of a database, without our code."""
    if (path := sqlite_path(url)) is not None:
        with closing(sqlite3.connect(path)) as opened:
            return float(opened.execute(SUM).fetchone()[0])
    with psycopg.connect(url) as connection:
        row = connection.execute(SUM).fetchone()
        assert row is not None
        return float(row[0])


def make_changed_copy(url: str, copy: Path, statements: str) -> float:
    """Measure four files, copy the database and change the copy; return the sum of the indices."""
    database = Database.open(url)
    submit(database, [seen(number) for number in range(4)])
    measure_all(database)
    database.dispose()
    back_up(url, copy)
    with closing(sqlite3.connect(copy)) as opened:
        opened.executescript(statements)
    return sum_of(url)


def full_dump(url: str, target: Path) -> None:
    """Write the whole database to an archive, as older versions did."""
    with (
        target.open("wb") as archive,
        postgres_copies._reaching(url) as (place, inherited),
    ):
        dump = [*postgres_copies._tool("pg_dump"), "--format=custom", place]
        subprocess.run(dump, stdout=archive, pass_fds=inherited, check=True)


@pytest.mark.parametrize("how", CHANGES_OF_SQLITE)
def test_a_sqlite_copy_with_unknown_objects_is_refused(
    sqlite_url: str, tmp_path: Path, how: str
) -> None:
    statements, named = CHANGES_OF_SQLITE[how]
    before = make_changed_copy(sqlite_url, tmp_path / "copy", statements)

    with pytest.raises(CopyUntrusted) as refusal:
        restore(sqlite_url, tmp_path / "copy", replace=True)
    with pytest.raises(CopyUntrusted):
        restore(f"sqlite:///{tmp_path}/new/thoraq.db", tmp_path / "copy")

    assert named in str(refusal.value)
    assert sum_of(sqlite_url) == before
    assert not (tmp_path / "new" / "thoraq.db").exists()


@pytest.mark.parametrize(
    "statements",
    [
        "UPDATE measurement SET ict = 'a lot'",
        "UPDATE measurement SET model_version = x'00ff'",
        "PRAGMA ignore_check_constraints = ON; UPDATE job SET state = 'measured or so'",
        "DELETE FROM batch",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 1 WHERE name = 'job'",
    ],
)
def test_a_copy_with_invalid_rows_changes_nothing(
    sqlite_url: str, tmp_path: Path, statements: str
) -> None:
    before = make_changed_copy(sqlite_url, tmp_path / "copy", statements)
    with pytest.raises(CopyDamaged):
        restore(sqlite_url, tmp_path / "copy", replace=True)
    assert sum_of(sqlite_url) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy", "thoraq.db"]


@pytest.mark.parametrize("said", ["head", "heads", "base", "000", "0001-", "'; DROP TABLE job; --"])
def test_a_revision_must_match_exactly(sqlite_url: str, tmp_path: Path, said: str) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy", isolation_level=None)) as opened:
        opened.execute("UPDATE alembic_version SET version_num = ?", (said,))
    with pytest.raises(SchemaNewer):
        restore(sqlite_url, tmp_path / "copy", replace=True)


TRIGGER_OF_POSTGRES = (
    (
        "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch {mark}'; RETURN NULL; END $$"
    ),
    "CREATE TRIGGER evil AFTER INSERT ON batch EXECUTE FUNCTION evil()",
)


@pytest.mark.parametrize(
    "statements",
    [
        TRIGGER_OF_POSTGRES,
        TRIGGER_OF_POSTGRES[:1],
        (
            (
                "CREATE FUNCTION evil() RETURNS event_trigger LANGUAGE plpgsql AS"
                " $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch {mark}'; END $$"
            ),
            "CREATE EVENT TRIGGER evil ON ddl_command_end EXECUTE FUNCTION evil()",
            "ALTER EVENT TRIGGER evil DISABLE",
        ),
        ("CREATE RULE evil AS ON INSERT TO audit DO ALSO DELETE FROM measurement",),
        ("CREATE VIEW evil AS SELECT * FROM measurement",),
        ("CREATE MATERIALIZED VIEW evil AS SELECT * FROM measurement",),
        ("CREATE TABLE evil (a integer)",),
        ("CREATE SCHEMA evil", "CREATE TABLE evil.evil (a integer)"),
        ("CREATE INDEX evil ON measurement (abs(ict))",),
        ("ALTER TABLE audit ADD COLUMN evil text",),
        ("ALTER TABLE audit DROP COLUMN subject",),
        ("ALTER TABLE audit ADD CONSTRAINT evil CHECK (true) NOT VALID",),
        ("CREATE POLICY evil ON measurement USING (true)",),
        ("CREATE TYPE evil AS ENUM ('a')",),
        ("CREATE SEQUENCE evil",),
        ("SELECT lo_from_bytea(0, 'evil')",),
    ],
    ids=lambda statements: " ".join(statements[-1].split()[:3]),
)
def test_an_archive_with_unknown_objects_is_refused(
    postgres_url: str, tmp_path: Path, statements: tuple[str, ...]
) -> None:
    mark = Path("/tmp") / f"{tmp_path.name}-{tmp_path.parent.name}.ran"  # noqa: S108 - the server's
    mark.unlink(missing_ok=True)
    database = Database.open(postgres_url)
    submit(database, [seen(1)])
    measure_all(database)
    database.dispose()
    run_sql(postgres_url, *(each.format(mark=mark) for each in statements))
    full_dump(postgres_url, tmp_path / "copy")
    before = sum_of(postgres_url)

    with pytest.raises(CopyUntrusted):
        restore(postgres_url, tmp_path / "copy", replace=True)

    assert sum_of(postgres_url) == before
    assert not mark.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "COPY public.batch FROM PROGRAM 'touch {mark}';",
        "COPY public.batch (id) FROM PROGRAM 'touch {mark}';",
        "COPY public.batch FROM '/etc/passwd'; --",
        "SELECT evil(); COPY public.batch (id) FROM stdin;",
        "--\n\\! touch {mark}\n--",
        "SET a = b; SELECT 1;",
        "COPY pg_catalog.pg_proc (proname) FROM stdin;",
    ],
)
def test_a_statement_in_place_of_an_archives_rows_is_not_executed(
    postgres_url: str, empty_postgres_url: str, tmp_path: Path, statement: str
) -> None:
    mark = Path("/tmp") / f"{tmp_path.name[-12:]}.ran"  # noqa: S108 - the server's
    mark.unlink(missing_ok=True)
    back_up(postgres_url, tmp_path / "copy")
    content = (tmp_path / "copy").read_bytes()
    start = content.index(b"COPY public.measurement (")
    end = content.index(b"FROM stdin;\n", start) + len(b"FROM stdin;")
    said = statement.format(mark=mark).encode()
    assert len(said) <= end - start
    # The lengths in the archive's table of contents stay valid.
    changed = content[:start] + said.ljust(end - start) + content[end:]
    (tmp_path / "copy").write_bytes(changed)

    for url, replace in ((postgres_url, True), (empty_postgres_url, False)):
        with pytest.raises((CopyUntrusted, CopyDamaged)):
            restore(url, tmp_path / "copy", replace=replace)

    assert not mark.exists()
    assert sum_of(postgres_url) == 0
    with psycopg.connect(empty_postgres_url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone() == (0,)


def test_functions_of_an_archive_are_not_restored_but_created(
    postgres_url: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    database = Database.open(postgres_url)
    submit(database, [seen(number) for number in range(8)])
    measure_all(database)
    database.dispose()
    mark = Path("/tmp") / f"{tmp_path.name[-12:]}.ran"  # noqa: S108 - the server's
    run_sql(
        postgres_url,
        "CREATE OR REPLACE FUNCTION tally_file_insert() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch {mark}'; RETURN NULL; END $$",
        "COMMENT ON TABLE batch IS 'ours'",
        "GRANT SELECT ON measurement TO PUBLIC",
        "COMMENT ON VIEW results IS 'ours'",
        "GRANT SELECT ON results TO PUBLIC",
    )
    full_dump(postgres_url, tmp_path / "copy")  # as older versions wrote them

    assert restore(empty_postgres_url, tmp_path / "copy").files == 8

    other = Database.open(empty_postgres_url)
    submit(other, [seen(100)], name="later")
    check_tally(other)
    other.dispose()
    assert not mark.exists()
    with psycopg.connect(empty_postgres_url) as connection:
        found = connection.execute("SELECT prosrc FROM pg_proc WHERE prosrc LIKE '%PROGRAM%'")
        assert found.fetchall() == []


def test_a_restored_schema_equals_that_of_the_migrations(
    filled: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    back_up(database_url, tmp_path / "copy")
    restore(empty_url_of_same_kind, tmp_path / "copy")
    assert catalogue_of(empty_url_of_same_kind) == catalogue_of(database_url)
    other = Database.open(empty_url_of_same_kind)
    submit(other, [seen(number) for number in range(6, 14)], name="later")
    measure_all(other)
    check_tally(other)
    assert batch_status(other, "later").measured == 6
    assert len(rows(filled, measurement)) == 8
    other.dispose()


def test_other_programs_objects_are_left_out_of_a_copy_and_listed(
    filled: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    filled.dispose()
    run_sql(
        database_url,
        "CREATE TABLE notes (a INTEGER PRIMARY KEY)",
        "CREATE VIEW enlarged AS SELECT * FROM measurement WHERE enlarged",
        "CREATE INDEX ours ON notes (a)",
    )
    count = back_up(database_url, tmp_path / "copy")
    run_sql(database_url, "INSERT INTO notes VALUES (1)", "SELECT * FROM enlarged")

    assert restore(empty_url_of_same_kind, tmp_path / "copy").files == 8
    if database_url.startswith("sqlite"):
        left_out = {"table 'notes'", "view 'enlarged'", "index 'ours'"}
        assert set(count.remark.left_out) == left_out


def test_a_copy_that_cannot_be_restored_is_reported_when_it_is_made(
    sqlite_url: str, tmp_path: Path
) -> None:
    run_sql(sqlite_url, "ALTER TABLE batch ADD COLUMN ward TEXT")
    count = back_up(sqlite_url, tmp_path / "copy")
    assert count.remark.differing == ("table 'batch' with another definition",)
    with pytest.raises(CopyUntrusted):
        restore(f"sqlite:///{tmp_path}/new.db", tmp_path / "copy")


def test_a_restored_database_is_readable_only_by_its_owner(sqlite_url: str, tmp_path: Path) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    path = tmp_path / "state" / "thoraq" / "thoraq.db"
    restore(f"sqlite:///{path}", tmp_path / "copy")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["thoraq.db"]


def test_a_restore_keeps_the_file_mode_of_the_database(sqlite_url: str, tmp_path: Path) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    path = sqlite_path(sqlite_url)
    assert path is not None
    path.chmod(0o640)
    restore(sqlite_url, tmp_path / "copy", replace=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.write_bytes(b"\xaa" * 8192)
    assert restore(sqlite_url, tmp_path / "copy", replace=True).moved_aside is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_files_of_a_killed_restore_are_removed_by_the_next(sqlite_url: str, tmp_path: Path) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    left = tmp_path / ".thoraq.db.restore-killed"
    left.mkdir()
    shutil.copyfile(tmp_path / "copy", left / "thoraq.db")
    restore(sqlite_url, tmp_path / "copy", replace=True)
    assert not left.exists()
