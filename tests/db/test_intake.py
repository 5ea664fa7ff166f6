"""Recording files: no content becomes two jobs."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace

import pytest

from db.claims import claim_chunk
from db.database import Database
from db.intake import known_files, open_batch, read_files, record_files
from db.operations import cancel
from db.outbox import unsent_chunks
from db.query.results import file_outcomes
from db.query.status import batch_status
from db.records import FileStat, IntakeCount, SeenFile
from db.states import JobState, Priority
from db.tables import file, job, radiograph
from testbed.records import LATERAL, MODEL, claim, measure_all, refused, seen, send, submit
from testbed.tables import rows
from tests.db.race import race


def test_an_existing_batch_is_continued(database: Database) -> None:
    first = open_batch(database, "night", Priority.ROUTINE)
    assert open_batch(database, "night", Priority.URGENT) == first


def test_contents_are_queued_once_and_everything_is_counted(database: Database) -> None:
    batch = open_batch(database, "night", Priority.ROUTINE)
    files = [seen(1), seen(2), seen(1, path="/copy"), refused("letter.txt", LATERAL), seen(2)]

    count = record_files(database, batch, files, MODEL, 32)

    assert count == IntakeCount(seen=5, queued=2, duplicates=1, refused=1, known=1)
    assert record_files(database, batch, files, MODEL, 32) == IntakeCount(seen=5, known=5)
    assert [row.state for row in rows(database, job)] == [JobState.QUEUED] * 2


def test_chunks_have_at_most_the_given_size_in_the_order_of_the_files(
    database: Database,
) -> None:
    submit(database, [seen(number) for number in range(10)], chunk_size=4)
    assert [each.jobs for each in unsent_chunks(database, 10)] == [4, 4, 2]
    paths = [
        each.paths[0] for chunk_id in send(database) for each in claim(database, chunk_id).jobs
    ]
    assert sorted(paths[:4]) == sorted(f"/archive/{number}.dcm" for number in range(4))


def test_a_file_that_changed_is_a_new_file_of_the_batch(database: Database) -> None:
    submit(database, [seen(1, path="/a")])
    submit(database, [seen(1, path="/a", mtime_ns=2), seen(2, path="/a", mtime_ns=3)])
    status = batch_status(database, "night")
    assert (status.seen, status.queued, status.duplicates) == (3, 2, 1)


def test_known_files_are_those_with_equal_size_and_time(database: Database) -> None:
    batch = submit(database, [seen(1, path="/a"), refused("b")])
    stat = FileStat("/a", 1001, 1)
    asked = [
        stat,
        replace(stat, size=1),
        replace(stat, mtime_ns=2),
        replace(stat, path="/z"),
        FileStat("/archive/b", 10, 1),
    ]
    assert known_files(database, batch.id, asked) == {stat, FileStat("/archive/b", 10, 1)}
    assert known_files(database, batch.id + 1, asked) == set()
    assert known_files(database, batch.id, []) == set()


def test_an_unreadable_file_is_read_again_and_counted_once(
    database: Database,
) -> None:
    away = replace(refused("a"), refusal=replace(refused("a").refusal, code="file-unavailable"))
    batch = submit(database, [away, refused("b"), seen(2)])
    stats = [away.stat, refused("b").stat, seen(2).stat]
    assert known_files(database, batch.id, stats) == set(stats)
    assert read_files(database, batch, stats) == set(stats[1:])
    submit(database, [away])  # and still cannot be read
    status = batch_status(database, "night")
    assert (status.seen, status.failed, status.queued, status.balanced) == (3, 2, 1, True)
    submit(database, [replace(seen(1), stat=away.stat)])
    status = batch_status(database, "night")
    assert (status.seen, status.failed, status.queued, status.balanced) == (3, 1, 2, True)
    assert read_files(database, batch, stats) == set(stats)


def test_known_contents_are_duplicates_in_another_batch(database: Database) -> None:
    submit(database, [seen(1)])
    measure_all(database)
    submit(database, [seen(1), seen(2)], name="again")
    status = batch_status(database, "again")
    assert (status.seen, status.queued, status.duplicates) == (2, 1, 1)
    assert len(rows(database, radiograph)) == 2


def test_another_model_measures_known_contents_again(database: Database) -> None:
    submit(database, [seen(1)])
    submit(database, [seen(1)], name="again", model="lungs-2")
    status = batch_status(database, "again")
    assert (status.queued, status.duplicates) == (1, 0)
    assert len(rows(database, radiograph)) == 1
    versions = {claim(database, chunk_id).model_version for chunk_id in send(database)}
    assert versions == {"lungs-1", "lungs-2"}


def test_a_cancelled_content_is_queued_again_for_the_batch_that_submits_it(
    database: Database,
) -> None:
    submit(database, [seen(1), seen(2)])
    cancel(database, "night", 32)
    submit(database, [seen(1, path="/new")], name="again")
    assert batch_status(database, "again").queued == 1
    night = batch_status(database, "night")
    assert (night.cancelled, night.duplicates, night.balanced) == (1, 1, True)
    measure_all(database)
    assert batch_status(database, "again").measured == 1


def test_an_urgent_batch_raises_the_priority_of_its_routine_jobs(database: Database) -> None:
    submit(database, [seen(number) for number in range(4)], chunk_size=2)
    submit(database, [seen(3), seen(1)], name="now", priority=Priority.URGENT)
    messages = unsent_chunks(database, 10)
    assert [(each.priority, each.jobs) for each in messages] == [
        (Priority.URGENT, 2),
        (Priority.ROUTINE, 1),
        (Priority.ROUTINE, 1),
    ]
    urgent = claim(database, messages[0].chunk_id)
    assert {each.paths[0] for each in urgent.jobs} == {"/archive/1.dcm", "/archive/3.dcm"}
    assert batch_status(database, "now").duplicates == 2


def test_an_urgent_batch_leaves_running_jobs_in_their_chunk(database: Database) -> None:
    submit(database, [seen(1), seen(2)])
    taken = claim(database, send(database)[0])
    before = [(row.chunk_id, row.priority, row.owner) for row in rows(database, job)]
    submit(database, [seen(1)], name="now", priority=Priority.URGENT)
    assert [(row.chunk_id, row.priority, row.owner) for row in rows(database, job)] == before
    assert before[0][0] == taken.chunk_id
    assert unsent_chunks(database, 10) == []


def test_a_content_cancelled_after_it_was_sent_is_queued_again(database: Database) -> None:
    submit(database, [seen(1)])
    [chunk_id] = send(database)
    cancel(database, "night", 32)
    # Its message arrives nevertheless, finds no jobs, and is not sent again.
    assert claim_chunk(database, chunk_id, "cpu0@host", 60.0) is None
    submit(database, [seen(1)], name="again")
    assert rows(database, job)[0].settled_at is None
    [other] = send(database)
    assert [each.paths[0] for each in claim(database, other).jobs] == ["/archive/1.dcm"]


def test_names_that_are_not_utf_8_are_read_as_they_were_stored(database: Database) -> None:
    raw = [b"/arch\xefv/r\xf6ntgen \xff.dcm", "/archiv/röntgen 骨.dcm".encode(), b"/\x80\xfe\xa0"]
    paths = [os.fsdecode(each) for each in raw]
    assert any("\udcff" in path for path in paths)
    files = [seen(number, path=path) for number, path in enumerate(paths)]
    batch = submit(database, files)

    assert [os.fsencode(each.path) for each in file_outcomes(database)] == raw
    assert known_files(database, batch.id, [each.stat for each in files]) == {
        each.stat for each in files
    }
    taken = claim(database, send(database)[0])
    assert {os.fsencode(each.paths[0]) for each in taken.jobs} == set(raw)
    for path in paths:
        assert [each.path for each in file_outcomes(database, study=path)] == [path]


def test_the_longest_path_a_system_allows_is_recorded(database: Database) -> None:
    # 4096 incompressible bytes: more than an index entry of PostgreSQL may have.
    path = "/" + "".join(chr(33 + (number * 7919 + number**3) % 94) for number in range(4094))
    submit(database, [seen(1, path=path)])
    assert [each.path for each in file_outcomes(database, study=path)] == [path]


def test_details_may_contain_any_text_of_a_file(database: Database) -> None:
    odd = replace(LATERAL, detail="nul \0 and surrogate \udc80 in a header")
    submit(database, [refused("odd.dcm", odd)])
    (outcome,) = file_outcomes(database)
    assert outcome.detail == "nul ? and surrogate ? in a header"


def test_a_file_with_neither_hash_nor_refusal_raises_an_error(database: Database) -> None:
    with pytest.raises(ValueError, match="refused"):
        submit(database, [SeenFile(FileStat("/a", 1, 1))])


def test_processes_that_record_the_same_contents_at_once_queue_each_once(
    database: Database, database_url: str
) -> None:
    contents = 300
    said = race(
        "racing_intake",
        [
            [database_url, f"batch-{name}", f"/{name}", str(contents), str(name)]
            for name in range(4)
        ],
    )
    counts = [json.loads(each) for each in said]
    assert sum(each["queued"] for each in counts) == contents
    assert sum(each["duplicates"] for each in counts) == 3 * contents
    assert len(rows(database, radiograph)) == contents
    assert len(rows(database, job)) == contents
    owned = Counter(row.job_id for row in rows(database, file) if not row.duplicate)
    assert owned == Counter(row.id for row in rows(database, job))
    assert sum(each.jobs for each in unsent_chunks(database, 10_000)) == contents


def test_processes_that_record_the_same_files_into_one_batch_record_each_once(
    database: Database, database_url: str
) -> None:
    contents = 300
    said = race(
        "racing_intake",
        [[database_url, "night", "/same", str(contents), str(seed)] for seed in range(3)],
    )
    counts = [json.loads(each) for each in said]
    assert sum(each["queued"] for each in counts) == contents
    assert sum(each["known"] for each in counts) == 2 * contents
    status = batch_status(database, "night")
    assert (status.seen, status.queued, status.duplicates) == (contents, contents, 0)
