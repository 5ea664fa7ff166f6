"""Paths relative to labelled roots are the same files on every machine, as are absolute paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.archive import Archive, label_of
from db.claims import claim_chunk
from db.columns import path_digest
from db.database import Database
from db.intake import known_files, record_files
from db.outbox import unsent_chunks
from db.put_away_paths import ended_files, record_places
from db.query.conditions import parse_condition
from db.query.failure_records import FailureFilter
from db.query.failures import find_failures
from db.query.results import file_outcomes, find_results
from db.records import PlacedFile, ResultFilter
from db.states import Destination
from db.tables import file
from testbed.records import LEASE, MODEL, measure_all, refused, seen, submit
from testbed.tables import rows

NAMES = ("2020/a.dcm", "done", "x:/y", os.fsdecode(b"m\xfc\xf4'%_"))
HERE, THERE = "/srv/archive", "/mnt/pacs/films"
Opener = Callable[..., Database]


@pytest.fixture
def at(database_url: str) -> Iterator[Opener]:
    """Return a function that opens the database like a machine with the archive mounted there."""
    opened: list[Database] = []

    def open_at(folder: str, *, relative: bool = True) -> Database:
        archive = Archive({"films": folder, "inbox": f"{folder}-inbox"}, relative=relative)
        opened.append(Database.open(database_url, archive))
        return opened[-1]

    yield open_at
    for each in opened:
        each.dispose()


def stored(database: Database) -> set[str]:
    with database.read() as connection:
        asked = "SELECT path FROM file UNION SELECT path FROM radiograph"
        return set(connection.execute(text(asked)).scalars())


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_stored_relative_to_its_root_and_read_on_each_machine(
    at: Opener, name: str
) -> None:
    here, there = at(HERE), at(THERE)
    submit(here, [seen(1, path=f"{HERE}/{name}")])
    assert HERE not in repr(stored(here))
    assert all(each.startswith("films:/") for each in stored(here))
    [chunk] = unsent_chunks(there, 10)
    claim = claim_chunk(there, chunk.chunk_id, "w", LEASE)
    assert claim is not None
    assert [job.paths for job in claim.jobs] == [(f"{THERE}/{name}",)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("before", "after"),
    [(False, True), (True, False), (True, True)],
    ids=["on", "off", "elsewhere"],
)
def test_a_file_is_known_in_every_stored_form_of_its_path(
    at: Opener, name: str, before: bool, after: bool
) -> None:
    first = at(HERE, relative=before)
    place = THERE if before and after else HERE
    then = at(place, relative=after)
    batch = submit(first, [seen(1, path=f"{HERE}/{name}")])
    met = seen(1, path=f"{place}/{name}")
    assert known_files(then, batch.id, [met.stat]) == {met.stat}
    count = record_files(then, batch, [met], MODEL, 4)
    assert (count.known, count.queued, count.duplicates) == (1, 0, 0)
    assert len(rows(then, file)) == 1


@pytest.mark.parametrize("before", [False, True], ids=["full", "relative"])
def test_files_are_found_by_every_spelling_of_their_path(at: Opener, before: bool) -> None:
    written = at(HERE, relative=before)
    submit(written, [seen(1, path=f"{HERE}/2020/a.dcm"), seen(2, path=f"{HERE}/2021/b.dcm")])
    measure_all(written)
    database = at(HERE)
    for path in (f"{HERE}/2020/a.dcm", "films:/2020/a.dcm"):
        [result] = find_results(database, ResultFilter(study=path))
        [outcome] = file_outcomes(database, study=path)
        assert result.path == outcome.path == f"{HERE}/2020/a.dcm"
    for asked in (
        f"path = {HERE}/2020/a.dcm",
        f"path != {HERE}/2021/b.dcm",
        f"path like '{HERE}/2020/%'",
        f"path not like '{HERE}/2021/%'",
        f"path contains {HERE}/2020",
        "path contains 2020",
    ):
        found = find_results(database, ResultFilter(where=(parse_condition(asked),)))
        assert [each.path for each in found] == [f"{HERE}/2020/a.dcm"], asked


@pytest.mark.parametrize("before", [False, True], ids=["full", "relative"])
def test_a_file_that_a_watch_moved_is_found_by_both_paths(at: Opener, before: bool) -> None:
    inbox = f"{HERE}-inbox"
    written = at(HERE, relative=before)
    met = [seen(1, path=f"{inbox}/s/1.dcm"), refused("x"), seen(2, path=f"{inbox}/2.dcm")]
    batch = submit(written, met)
    measure_all(written)
    database = at(HERE)
    ended = ended_files(database, batch, after=0, limit=10)
    record_places(
        database,
        [
            PlacedFile(each.id, each.stat.path.replace(inbox, f"{inbox}/done"), Destination.DONE)
            for each in ended
            if each.stat.path.startswith(inbox)
        ],
    )
    for asked in (f"{inbox}/s/1.dcm", f"{inbox}/done/s/1.dcm", "inbox:/s/1.dcm"):
        [result] = find_results(database, ResultFilter(study=asked))
        assert result.path == f"{inbox}/done/s/1.dcm", asked
    assert stored(database) >= {"inbox:/done/s/1.dcm", "inbox:/done/2.dcm"}


def test_failures_are_found_by_the_folder_in_either_form(at: Opener) -> None:
    full, database = at("/archive", relative=False), at("/archive")
    submit(full, [refused("old/1")])
    submit(database, [refused("new/2")])
    for asked, wanted in (
        ("/archive/old", ["/archive/old/1"]),
        ("/archive/new", ["/archive/new/2"]),
        ("films:/new/", ["/archive/new/2"]),
        ("films:/old/1", ["/archive/old/1"]),
        ("/archive", ["/archive/old/1", "/archive/new/2"]),
    ):
        found = {each.path for each in find_failures(database, FailureFilter(path=asked))}
        assert found == set(wanted), asked


def test_a_path_with_an_unknown_root_is_unchanged(at: Opener) -> None:
    submit(at(HERE), [seen(1, path=f"{HERE}/a.dcm")])
    other = Archive({"elsewhere": "/x"}, relative=True)
    assert other.here("films:/a.dcm") == "films:/a.dcm"
    assert other.stored("films:/a.dcm") == "films:/a.dcm"
    assert not other.is_usual("films:/a.dcm")


@pytest.mark.parametrize("path", ["/a:/b", "/films:/b", "films", "films:", ":/b", "../films:/b"])
def test_only_a_label_with_a_colon_before_a_slash_is_a_root(path: str) -> None:
    assert label_of(path) is None


def test_the_deepest_root_is_used_and_links_to_roots_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    archive = Archive(
        {"all": str(tmp_path / "link"), "deep": f"{tmp_path}/real/deep/"}, relative=True
    )
    assert archive.stored(f"{tmp_path}/real/deep/a") == "deep:/a"
    assert archive.stored(f"{tmp_path}/real/deeper/a") == "all:/deeper/a"
    assert archive.stored(f"{tmp_path}/realm/a") == f"{tmp_path}/realm/a"
    assert archive.here("all:/a") == f"{tmp_path}/real/a"
    assert Archive({"whole": "/"}, relative=True).stored("/a/b") == "whole:/a/b"


def test_the_key_of_a_path_is_the_same_on_every_machine(at: Opener) -> None:
    submit(at(THERE), [seen(1, path=f"{THERE}/a.dcm")])
    [row] = rows(at(HERE), file)
    assert (row.path, row.path_digest) == (f"{HERE}/a.dcm", path_digest("films:/a.dcm"))
