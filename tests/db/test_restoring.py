"""Restoring into damaged, foreign, older or locked databases, and killed restores."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from db import migration, schema
from db.backup import postgres_copies, sqlite_copies
from db.backup.copies import back_up, restore
from db.database import Database
from db.engine import engine_of
from db.errors import (
    CopyDamaged,
    CopyExists,
    CopyForeign,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseNotEmpty,
    SchemaOutdated,
    ToolMissing,
    ToolOutdated,
)
from db.query.status import all_statuses
from testbed.checkout import ROOT
from testbed.records import seen, submit


def file_of(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def run_sql(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def files_in(url: str) -> int:
    database = Database.open(url)
    try:
        return sum(each.seen for each in all_statuses(database))
    finally:
        database.dispose()


def test_a_copy_of_an_older_schema_replaces_a_newer_database(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    submit(database, [seen(number) for number in range(4)])
    database.dispose()
    migration.downgrade(database_url, "0002")
    back_up(database_url, tmp_path / "older")
    schema.upgrade(database_url)
    submit(database, [seen(9)], name="later")

    assert restore(database_url, tmp_path / "older", replace=True).files == 4
    assert schema.check(database_url).up_to_date
    assert files_in(database_url) == 4


def test_a_database_of_another_program_that_uses_alembic_is_refused(
    database: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    submit(database, [seen(1)])
    run_sql(
        empty_url_of_same_kind,
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('0001')",
        "CREATE TABLE notes (a INTEGER)",
    )
    foreign = tmp_path / "foreign"
    if database_url.startswith("sqlite"):
        foreign.write_bytes(file_of(empty_url_of_same_kind).read_bytes())
    else:
        with (
            foreign.open("wb") as archive,
            postgres_copies._reaching(empty_url_of_same_kind) as (place, inherited),
        ):
            dump = [*postgres_copies._tool("pg_dump"), "--format=custom", place]
            subprocess.run(dump, stdout=archive, pass_fds=inherited, check=True)

    with pytest.raises(CopyForeign):
        restore(database_url, foreign, replace=True)
    assert files_in(database_url) == 1


def test_another_programs_database_is_not_replaced_without_the_option(
    database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    back_up(database_url, tmp_path / "copy")
    run_sql(empty_url_of_same_kind, "CREATE TABLE notes (a INTEGER)")
    with pytest.raises(DatabaseNotEmpty, match="--replace"):
        restore(empty_url_of_same_kind, tmp_path / "copy")
    run_sql(empty_url_of_same_kind, "INSERT INTO notes VALUES (1)")


@pytest.mark.parametrize("whole_pages", [0, 1])
def test_an_unreadable_database_is_moved_aside_for_the_copy(
    sqlite_url: str, tmp_path: Path, whole_pages: int
) -> None:
    database = Database.open(sqlite_url)
    submit(database, [seen(number) for number in range(40)])
    database.dispose()
    back_up(sqlite_url, tmp_path / "copy")
    path = file_of(sqlite_url)
    kept = path.read_bytes()[: 4096 * whole_pages]
    broken = kept + b"\xaa" * (path.stat().st_size - len(kept))
    path.write_bytes(broken)
    path.with_name(path.name + "-wal").write_bytes(b"a log that belongs to the broken file")

    with pytest.raises(DatabaseBroken, match="--replace"):
        restore(sqlite_url, tmp_path / "copy")
    count = restore(sqlite_url, tmp_path / "copy", replace=True)

    assert count.files == files_in(sqlite_url) == 40
    assert count.moved_aside is not None
    assert count.moved_aside.stat().st_size == len(broken)


def test_the_database_itself_is_neither_source_nor_target_of_a_copy(sqlite_url: str) -> None:
    path = file_of(sqlite_url)
    with pytest.raises(CopyExists, match="itself"):
        back_up(sqlite_url, path, replace=True)
    with pytest.raises(CopyForeign, match="itself"):
        restore(sqlite_url, path, replace=True)
    assert files_in(sqlite_url) == 0


def test_a_missing_database_is_neither_copied_nor_created(tmp_path: Path) -> None:
    with pytest.raises(SchemaOutdated):
        back_up(f"sqlite:///{tmp_path / 'absent.db'}", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_restore_gives_up_on_a_process_that_keeps_the_file_locked(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    monkeypatch.setattr("db.engine._BUSY_TIMEOUT_MS", 100)
    holding = engine_of(sqlite_url).execution_options(thoraq_writing=True)
    with holding.begin(), pytest.raises(DatabaseBusy):
        sqlite_copies.bring_back(sqlite_url, tmp_path / "copy")
    holding.dispose()
    assert sqlite_copies.bring_back(sqlite_url, tmp_path / "copy") is None


def test_a_killed_restore_leaves_the_old_rows_or_the_new_ones(
    database: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    for number in range(6):
        submit(database, [seen(1000 * number + each) for each in range(500)])
    back_up(database_url, tmp_path / "large")
    schema.upgrade(empty_url_of_same_kind)
    other = Database.open(empty_url_of_same_kind)
    submit(other, [seen(number) for number in range(7)])
    other.dispose()
    back_up(empty_url_of_same_kind, tmp_path / "small")
    database.dispose()
    found = set()
    for milliseconds in (0, 200, 300, 400, 500, 600, 700, 800, 1000, 1200):
        restore(database_url, tmp_path / "small", replace=True)
        command = [sys.executable, "-c", _RESTORING, database_url, str(tmp_path / "large")]
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        assert running.stdout.readline() == "now\n"
        time.sleep(milliseconds / 1000)
        running.kill()
        running.communicate()
        found.add(files_in(database_url))
        if database_url.startswith("sqlite"):
            with sqlite3.connect(file_of(database_url)) as opened:
                assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            opened.close()
    assert found <= {7, 3000}
    assert restore(database_url, tmp_path / "large", replace=True).files == 3000


_RESTORING = """
import sys
from pathlib import Path
from db.backup.copies import restore
print("now", flush=True)
restore(sys.argv[1], Path(sys.argv[2]), replace=True)
"""


def test_missing_or_outdated_tools_are_reported(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(postgres_url, tmp_path / "copy")
    monkeypatch.setattr(postgres_copies, "_PACKAGED", tmp_path / "nowhere")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("PATH", str(tmp_path))
        with pytest.raises(ToolMissing, match="pg_dump"):
            back_up(postgres_url, tmp_path / "second")
        with pytest.raises(ToolMissing, match="pg_restore"):
            restore(postgres_url, tmp_path / "copy", replace=True)
    old = tmp_path / "old" / "9" / "bin"
    old.mkdir(parents=True)
    (old / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    (old / "pg_dump").chmod(0o700)
    monkeypatch.setattr(postgres_copies, "_PACKAGED", tmp_path / "old")
    with pytest.raises(ToolOutdated, match=r"9\.6"):
        back_up(postgres_url, tmp_path / "second")
    # The sixth and seventh byte are the version of the archive's format.
    content = bytearray((tmp_path / "copy").read_bytes())
    content[6] = 99
    (tmp_path / "newer").write_bytes(content)
    with pytest.raises(ToolOutdated):
        restore(postgres_url, tmp_path / "newer", replace=True)
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("left", ["nothing", "a part"])
def test_an_archive_that_becomes_unavailable_during_a_restore_changes_nothing(
    postgres_url: str, tmp_path: Path, left: str
) -> None:
    copy = tmp_path / "copy"
    spoil_copy(postgres_url, copy, left)
    with pytest.raises((CopyForeign, CopyDamaged)):
        postgres_copies.bring_back(postgres_url, copy, replace=True)
    assert files_in(postgres_url) == 301


def test_a_copy_that_becomes_unavailable_during_a_restore_is_reported_and_no_row_is_lost(
    sqlite_url: str, tmp_path: Path
) -> None:
    spoil_copy(sqlite_url, tmp_path / "copy", "a part")
    with pytest.raises(CopyDamaged):
        sqlite_copies.bring_back(sqlite_url, tmp_path / "copy")
    assert files_in(sqlite_url) == 301


def spoil_copy(url: str, copy: Path, left: str) -> None:
    """Damage a checked copy as an unmounted share or a bad disk does."""
    database = Database.open(url)
    submit(database, [seen(number) for number in range(300)])
    back_up(url, copy)
    submit(database, [seen(1000)], name="later")
    database.dispose()
    whole = copy.read_bytes()
    copy.write_bytes(b"" if left == "nothing" else whole[: len(whole) // 2])
