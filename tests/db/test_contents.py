"""One instance is one radiograph, whichever file holds it and whichever release recorded it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from db.claims import claim_chunk
from db.database import Database
from db.records import SeenFile
from db.states import JobState
from db.tables import file, job, radiograph
from radiograph.instance import Instance
from radiograph.records import ReadingNote
from testbed.records import LEASE, START, claim, measured, seen, send, store, submit
from testbed.tables import rows


def held(number: int, *, file_number: int | None = None, sop_uid: str = "1.2.3.4.5") -> SeenFile:
    """Make a file with the instance ``number``; ``file_number`` that of the file."""
    made = seen(number if file_number is None else file_number)
    return replace(made, instance=Instance(f"{number:064x}", sop_uid))


def test_two_files_of_one_instance_are_one_radiograph(database: Database) -> None:
    submit(database, [held(1, file_number=1), held(1, file_number=2)])
    submit(database, [held(1, file_number=3)], name="later")
    [one] = rows(database, radiograph)
    assert one.content_digest == f"{1:064x}"
    assert len(rows(database, job)) == 1
    assert [row.duplicate for row in rows(database, file)] == [False, True, True]
    assert len({row.sha256 for row in rows(database, file)}) == 3


def test_a_claim_names_the_instance_so_that_each_of_its_files_may_be_read(
    database: Database,
) -> None:
    submit(database, [held(1, file_number=1), held(1, file_number=2), seen(9)])
    [chunk_id] = send(database)
    claimed = claim_chunk(database, chunk_id, "cpu0@host", LEASE, now=START)
    assert claimed is not None
    assert {each.sha256 for each in claimed.jobs} == {f"{1:064x}", seen(9).sha256}


def test_what_an_earlier_release_recorded_is_not_measured_again(database: Database) -> None:
    submit(database, [seen(1), seen(2)])  # whole files alone, as before schema 0017
    submit(database, [held(1), held(2, file_number=2), held(3)], name="upgraded")
    found = rows(database, radiograph)
    assert [row.content_digest for row in found] == [f"{n:064x}" for n in (1, 2, 3)]
    assert len(rows(database, job)) == 3
    # The same instance by network, in a file of its own:
    submit(database, [held(1, file_number=77)], name="network")
    assert len(rows(database, radiograph)) == 3


def test_two_files_an_earlier_release_told_apart_stay_two(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    submit(database, [held(5, file_number=1)], name="one")
    submit(database, [held(5, file_number=2)], name="other")
    found = rows(database, radiograph)
    assert [row.content_digest for row in found] == [f"{5:064x}", None]
    assert len(rows(database, job)) == 2


@pytest.mark.parametrize("pixels", [("a" * 64, "b" * 64), (None, None), ("a" * 64, None)])
def test_one_uid_with_other_pixels_is_noted_on_each(
    database: Database, pixels: tuple[str | None, str | None]
) -> None:
    submit(database, [held(1), held(2)], chunk_size=1)
    for chunk_id, digest in zip(send(database), pixels, strict=True):
        taken = claim(database, chunk_id)
        outcome = measured(taken.jobs[0], sop_uid="1.2.3.4.5", reading_note="other-note")
        store(database, taken, [replace(outcome, pixel_digest=digest)])
    notes = [row.reading_note for row in rows(database, radiograph)]
    assert notes == [f"other-note {ReadingNote.SOP_UID_REUSED}"] * 2


def test_one_uid_with_the_same_pixels_is_no_conflict(database: Database) -> None:
    submit(database, [held(1), held(2)], chunk_size=1)
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        store(database, taken, [measured(taken.jobs[0])])
    assert [row.reading_note for row in rows(database, radiograph)] == [None, None]
    assert {row.state for row in rows(database, job)} == {JobState.MEASURED}


def test_a_note_survives_that_one_of_them_is_measured_again(database: Database) -> None:
    submit(database, [held(1), held(2)], chunk_size=1)
    for name in ("first", "second"):
        if name == "second":
            submit(database, [held(1), held(2)], name="again", model="other-2", chunk_size=1)
        for chunk_id, digest in zip(send(database), ("a" * 64, "b" * 64), strict=True):
            taken = claim(database, chunk_id)
            store(database, taken, [replace(measured(taken.jobs[0]), pixel_digest=digest)])
    notes = [row.reading_note for row in rows(database, radiograph)]
    assert notes == [ReadingNote.SOP_UID_REUSED] * 2


def test_the_uid_of_an_instance_is_known_before_it_is_read(database: Database) -> None:
    submit(database, [held(1, sop_uid="1.2.9")])
    assert rows(database, radiograph)[0].sop_uid == "1.2.9"
    with database.write() as connection:
        connection.execute(update(radiograph).values(content_digest=None))
    submit(database, [held(1)], name="again")
    assert rows(database, radiograph)[0].content_digest == f"{1:064x}"
