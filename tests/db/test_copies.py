"""Copies of a database: made while others write, restored completely, refused when damaged."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from db import migration, schema
from db.audit import audit_rows
from db.backup.copies import back_up, check_copy, restore
from db.database import Database
from db.errors import (
    CopyDamaged,
    CopyExists,
    CopyForeign,
    DatabaseNotEmpty,
    SchemaNewer,
)
from db.outbox import unsent_chunks
from db.query.status import all_statuses, batch_status
from db.recovery import recover_stalled
from db.tables import audit, chunk, metadata
from testbed.checkout import ROOT
from testbed.records import claim, measure_all, seen, send, submit
from testbed.tables import rows
from testbed.tally import check_tally


@pytest.fixture
def filled(database: Database) -> Database:
    """Return a database with measured, running and waiting radiographs."""
    submit(database, [seen(number) for number in range(8)])
    measure_all(database)
    submit(database, [seen(number) for number in range(20, 32)])
    claim(database, send(database)[0])
    return database


def everything(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return every row except those that a restore adds or sends again."""
    tables = [each for each in metadata.sorted_tables if each not in {audit, chunk}]
    return {table.name: [tuple(row) for row in rows(db, table)] for table in tables}


def test_a_copy_restored_elsewhere_has_every_row(
    filled: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    count = back_up(database_url, tmp_path / "copy")
    assert (count.files, count.measurements) == (20, 8)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    before = everything(filled)

    assert restore(empty_url_of_same_kind, tmp_path / "copy") == count

    other = Database.open(empty_url_of_same_kind)
    assert everything(other) == before
    assert audit_rows(other)[0].action == "restore"
    other.dispose()


def test_a_night_continues_after_a_restore(
    filled: Database, database_url: str, tmp_path: Path
) -> None:
    back_up(database_url, tmp_path / "copy")
    measure_all(filled)
    submit(filled, [seen(50)], name="later")
    restore(database_url, tmp_path / "copy", replace=True)

    assert [each.batch.name for each in all_statuses(filled)] == ["night"]
    check_tally(filled)
    assert sum(each.jobs for each in unsent_chunks(filled, 100)) == 8
    later = audit_rows(filled)[0].at.replace(year=2100)
    recover_stalled(filled, 60.0, now=later)  # jobs that were running when the copy was made
    measure_all(filled, now=later)
    status = batch_status(filled, "night")
    assert (status.seen, status.measured, status.open) == (20, 20, 0)
    check_tally(filled)


def test_a_copy_made_while_others_write_has_the_state_of_one_moment(
    database: Database, database_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _WRITING, database_url]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "now\n"
        count = back_up(database_url, tmp_path / "copy")
    finally:
        writer.kill()
        writer.communicate()
    assert restore(empty_url_of_same_kind, tmp_path / "copy") == count
    other = Database.open(empty_url_of_same_kind)
    [status] = all_statuses(other)
    assert status.seen == count.files
    assert status.seen % 50 == 0
    assert 0 < status.seen <= batch_status(database, "night").seen
    assert status.balanced
    other.dispose()


_WRITING = """
import itertools, sys
from db.database import Database
from testbed.records import seen, submit
database = Database.open(sys.argv[1])
for number in itertools.count():
    submit(database, [seen(1000 * number + each) for each in range(50)])
    if number == 3:
        print("now", flush=True)
"""


def test_nothing_is_overwritten_without_the_option(
    filled: Database, database_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.write_text("mine")
    with pytest.raises(CopyExists, match="--overwrite"):
        back_up(database_url, copy)
    assert copy.read_text() == "mine"
    back_up(database_url, copy, replace=True)
    with pytest.raises(DatabaseNotEmpty, match="--replace"):
        restore(database_url, copy)
    assert batch_status(filled, "night").seen == 20
    assert [each.name for each in tmp_path.iterdir() if "part" in each.name] == []


def test_a_copy_that_ends_early_or_is_damaged_changes_nothing(
    filled: Database, database_url: str, tmp_path: Path
) -> None:
    back_up(database_url, tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    for name, content in (
        ("short", whole[: len(whole) * 2 // 3]),
        ("head", whole[:200]),
        ("noise", whole[:2000] + b"\xaa" * (len(whole) - 2000)),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises((CopyDamaged, CopyForeign)):
            restore(database_url, tmp_path / name, replace=True)
    assert batch_status(filled, "night").seen == 20


def test_a_file_that_is_not_a_copy_of_this_kind_of_database_is_refused(
    filled: Database, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "notes").write_text("no database")
    subprocess.run([sys.executable, "-c", _OTHER, str(tmp_path / "other.db")], check=True)
    (tmp_path / "dump").write_bytes(b"PGDMP\1\2\3")
    for name in ("notes", "other.db", "dump"):
        with pytest.raises((CopyForeign, CopyDamaged)):
            restore(database_url, tmp_path / name, replace=True)
    assert batch_status(filled, "night").seen == 20


_OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("CREATE TABLE notes (a)")
connection.commit()
"""


def test_a_copy_of_a_newer_thoraq_is_refused_and_one_of_an_older_is_brought_up_to_date(
    filled: Database,
    database_url: str,
    empty_url_of_same_kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled.dispose()
    migration.downgrade(database_url, "0002")
    back_up(database_url, tmp_path / "older")
    schema.upgrade(database_url)
    with filled.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with monkeypatch.context() as newer_thoraq:
        newer_thoraq.setattr(schema, "HEAD", "9999")
        back_up(database_url, tmp_path / "newer")

    with pytest.raises(SchemaNewer, match="9999"):
        restore(empty_url_of_same_kind, tmp_path / "newer")
    restore(empty_url_of_same_kind, tmp_path / "older")
    assert schema.check(empty_url_of_same_kind).up_to_date


def test_an_interrupted_copy_leaves_no_file_under_its_name(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    for number in range(20):
        submit(database, [seen(1000 * number + each) for each in range(500)])
    command = [sys.executable, "-c", _COPYING, database_url, str(tmp_path / "copy")]
    halves = 0
    for milliseconds in (0, 0, 0, 5, 10, 20, 40, 80):
        running = subprocess.Popen(command, cwd=ROOT)
        while running.poll() is None and not list(tmp_path.glob(".copy.*.part")):
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        running.send_signal(signal.SIGKILL)
        running.wait()
        halves += sum(each.name.endswith(".part") for each in tmp_path.iterdir())
        if (tmp_path / "copy").exists():  # it finished first
            check_copy(tmp_path / "copy", sqlite=database_url.startswith("sqlite"))
            (tmp_path / "copy").unlink()
    assert halves > 0, "no copy was interrupted"
    assert back_up(database_url, tmp_path / "copy").files == 10_000
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".part"] == []


_COPYING = """
import sys
from pathlib import Path
from db.backup.copies import back_up
back_up(sys.argv[1], Path(sys.argv[2]))
"""


@pytest.mark.parametrize("in_query", [False, True])
def test_a_password_is_in_no_command_line(
    postgres_url: str, tmp_path: Path, *, in_query: bool
) -> None:
    secret = "a:b\\c d"  # noqa: S105 - made up
    name, _, rest = postgres_url.partition("@")
    with_password = f"{name}:a%3Ab%5Cc%20d@{rest}"
    if in_query:
        with_password = f"{postgres_url}&password=a%3Ab%5Cc%20d"
    seen_words: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen_words.add(place.read_bytes().decode(errors="replace"))
                except OSError:
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    try:
        back_up(with_password, tmp_path / "copy")
        time.sleep(0.05)
    finally:
        over.set()
        looking.join()
    assert any("pg_dump" in each for each in seen_words)
    assert not [each for each in seen_words if secret in each or "a%3Ab" in each]


def test_a_copy_with_inconsistent_pages_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    content = bytearray((tmp_path / "copy").read_bytes())
    content[36:40] = (7).to_bytes(4, "big")  # the number of free pages in the header
    (tmp_path / "copy").write_bytes(content)
    with pytest.raises(CopyDamaged, match="reelist"):
        restore(sqlite_url, tmp_path / "copy", replace=True)
