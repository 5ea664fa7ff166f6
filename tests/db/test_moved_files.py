"""A file that a watch moved is found by its new and its old path."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest

from db.database import Database
from db.errors import StudyUnknown
from db.put_away_paths import record_places
from db.query.failure_records import FailureFilter
from db.query.failures import find_failures
from db.query.moved_files import moved_paths
from db.query.results import file_outcomes, find_results
from db.records import PlacedFile, ResultFilter, SeenFile
from db.states import Destination
from db.tables import file
from testbed.records import measure_all, refused, seen, submit
from testbed.tables import rows

INBOX = "/srv/in box"
NAMES = ("a.dcm", "study/1/b.dcm", "failed/c.dcm", "done", "x.tar.gz", os.fsdecode(b"m\xfc\xf4'%_"))


def sent(number: int, path: str) -> SeenFile:
    return seen(number, path=f"{INBOX}/{path}")


def move(database: Database, places: dict[str, tuple[Destination, str]]) -> None:
    """Record files as moved by the watch of ``INBOX``."""
    placed = [
        PlacedFile(row.id, f"{INBOX}/{place}/{below}", place)
        for row in rows(database, file)
        for name, (place, below) in places.items()
        if row.path == f"{INBOX}/{name}"
    ]
    assert len(placed) == len(places)
    record_places(database, placed)


@pytest.mark.parametrize("name", NAMES)
def test_a_result_is_found_by_the_old_and_the_new_path(database: Database, name: str) -> None:
    submit(database, [sent(1, name), sent(2, "other.dcm")])
    measure_all(database)
    move(database, {name: (Destination.DONE, name), "other.dcm": (Destination.DONE, "other.dcm")})
    for path in (f"{INBOX}/{name}", f"{INBOX}/done/{name}"):
        [result] = find_results(database, ResultFilter(study=path))
        [outcome] = file_outcomes(database, study=path)
        assert result.path == outcome.path == f"{INBOX}/done/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_is_found_by_the_old_and_the_new_path(database: Database, name: str) -> None:
    submit(database, [refused("x"), refused("y")])
    first, _ = rows(database, file)
    new = f"/archive/failed/{name}"
    record_places(database, [PlacedFile(first.id, new, Destination.FAILED)])
    for path in (f"/archive/{name}", new, PurePosixPath(name).name):
        found = [each.path for each in find_failures(database, FailureFilter(path=path))]
        assert found == [new], path


def test_failures_are_found_by_the_folder_they_were_in(database: Database) -> None:
    submit(database, [refused("study/1"), refused("study/2"), refused("other/1")])
    record_places(
        database,
        [
            PlacedFile(
                row.id, row.path.replace("/archive/", "/archive/failed/"), Destination.FAILED
            )
            for row in rows(database, file)
        ],
    )
    for path in ("/archive/study", "/archive/study/", "/archive/failed/study/", "study/"):
        assert len(list(find_failures(database, FailureFilter(path=path)))) == 2, path


def test_a_later_file_of_the_same_name_is_found_with_the_first(database: Database) -> None:
    submit(database, [sent(1, "a.b.dcm")])
    measure_all(database)
    move(database, {"a.b.dcm": (Destination.DONE, "a.b.dcm")})
    submit(database, [sent(2, "a.b.dcm"), sent(3, "a.b.3.dcm"), sent(4, "a.b.x.dcm")])
    measure_all(database)
    second = next(row for row in rows(database, file) if row.path == f"{INBOX}/a.b.dcm")
    move(
        database,
        {
            "a.b.dcm": (Destination.DONE, f"a.b.{second.id}.dcm"),
            "a.b.x.dcm": (Destination.DONE, "a.b.x.dcm"),
        },
    )
    found = {each.path for each in file_outcomes(database, study=f"{INBOX}/a.b.dcm")}
    assert found == {f"{INBOX}/done/a.b.dcm", f"{INBOX}/done/a.b.{second.id}.dcm"}


def test_a_file_that_failed_first_is_found_by_every_path_it_had(database: Database) -> None:
    submit(database, [sent(1, "study/a.dcm")])
    measure_all(database)
    move(database, {"study/a.dcm": (Destination.FAILED, "study/a.dcm")})
    move(database, {"failed/study/a.dcm": (Destination.DONE, "study/a.dcm")})
    for path in ("study/a.dcm", "failed/study/a.dcm", "done/study/a.dcm"):
        assert len(list(find_results(database, ResultFilter(study=f"{INBOX}/{path}")))) == 1


def test_a_new_file_at_a_former_path_is_the_one_that_is_found(database: Database) -> None:
    submit(database, [sent(1, "a.dcm")])
    measure_all(database)
    move(database, {"a.dcm": (Destination.DONE, "a.dcm")})
    submit(database, [sent(2, "a.dcm")])
    assert [each.path for each in file_outcomes(database, study=f"{INBOX}/a.dcm")] == [
        f"{INBOX}/a.dcm"
    ]


def test_a_file_that_no_watch_moved_is_not_found_as_moved(database: Database) -> None:
    submit(database, [sent(1, "done/a.dcm")])
    measure_all(database)
    for path in (f"{INBOX}/a.dcm", "a.dcm", "/", "//", "/a.dcm", "/x" * 2000):
        with pytest.raises(StudyUnknown):
            file_outcomes(database, study=path)


def test_a_deep_path_has_a_bounded_number_of_places_it_may_have_moved_to() -> None:
    assert len(list(moved_paths("/d" * 2000 + "/a.dcm"))) <= 404
    assert set(moved_paths("/in/a")) == {
        *("/in/done/a", "/in/failed/a", "/done/in/a", "/failed/in/a"),
    }
