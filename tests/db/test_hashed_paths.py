"""Only the hash of a path is stored after processing; until then its file is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Text, cast, select

from db.archive import Archive, hash_of, is_hashed
from db.claims import claim_chunk, release, store_outcomes
from db.database import Database
from db.intake import known_files, open_batch, read_files, record_files
from db.operations import cancel, retry
from db.outbox import unsent_chunks
from db.path_hiding import hide_next
from db.put_away_paths import ended_files, record_places
from db.query.conditions import parse_condition
from db.query.failure_records import FailureFilter
from db.query.failures import find_failures
from db.query.results import file_outcomes, find_results
from db.records import Outcome, PlacedFile, Refusal, ResultFilter
from db.recovery import recover_stalled
from db.remeasurement import remeasure
from db.states import Destination, JobState, Priority
from db.tables import file, job, metadata, radiograph
from radiograph.errors import FileUnavailable, PathNotKept
from testbed.records import (
    AWAY,
    BROKEN,
    LATERAL,
    LEASE,
    MODEL,
    RETRY,
    START,
    claim,
    measure_all,
    refused,
    seen,
    send,
    submit,
)
from testbed.tables import rows

FOLDER = "/archive/7391846250"
PATIENT = "7391846250"
NAMES = ("a.dcm", "ü;'%_\n.dcm", "b\udcff.dcm")


def hashing(path: str) -> str:
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


@pytest.fixture
def opened(database_url: str) -> Iterator[Callable[..., Database]]:
    """Return a function that opens the database with a setting."""
    made: list[Database] = []

    def open_with(archive: Archive) -> Database:
        made.append(Database.open(database_url, archive))
        return made[-1]

    yield open_with
    for each in made:
        each.dispose()


@pytest.fixture
def hashed(opened: Callable[..., Database]) -> Database:
    return opened(Archive(hashing=hashing))


def dump(database: Database, database_url: str) -> bytes:
    """Return all rows, and the bytes of SQLite's file and its log."""
    said = []
    with database.read() as connection:
        for table in metadata.sorted_tables:
            columns = [cast(each, Text) for each in table.c]
            said += [repr(tuple(row)) for row in connection.execute(select(*columns))]
    content = "\n".join(said).encode("utf-8", "surrogateescape")
    database.dispose()
    if database_url.startswith("sqlite"):
        whole = Path(database_url.removeprefix("sqlite:///"))
        content += b"".join(each.read_bytes() for each in whole.parent.glob(whole.name + "*"))
    return content


def paths_of(database: Database) -> list[str]:
    return [row.path for row in rows(database, file)] + [
        row.path for row in rows(database, radiograph)
    ]


def end_all(database: Database, refusal: Refusal) -> None:
    for chunk_id in send(database):
        held = claim(database, chunk_id)
        store_outcomes(
            database,
            held.owner,
            [Outcome(each.job_id, refusal=refusal) for each in held.jobs],
            "w",
            RETRY,
            now=START,
        )


def test_no_path_is_stored_after_a_batch_has_ended(hashed: Database, database_url: str) -> None:
    met = [seen(nth, path=f"{FOLDER}/{nth}{name}") for nth, name in enumerate(NAMES * 20)]
    copy = seen(1, path=f"{FOLDER}/copy.dcm")
    broken = refused(f"{PATIENT}/broken")
    submit(hashed, [*met, copy, broken])
    waiting = [row.path for row in rows(hashed, file) if row.job_id is not None]
    assert sorted(waiting) == sorted(each.stat.path for each in [*met, copy])
    measure_all(hashed)
    assert all(is_hashed(path) for path in paths_of(hashed))
    assert f"#{hashing(copy.stat.path)}" in paths_of(hashed)
    assert PATIENT.encode() not in dump(hashed, database_url)


@pytest.mark.parametrize("refusal", [BROKEN, LATERAL], ids=["failed", "set-aside"])
def test_failed_and_set_aside_files_are_found_by_their_path(
    hashed: Database, refusal: Refusal
) -> None:
    path = f"{FOLDER}/a.dcm"
    submit(hashed, [seen(1, path=path), seen(2, path=f"{FOLDER}/b.dcm")])
    end_all(hashed, refusal)
    stored = f"#{hashing(path)}"
    for asked in (path, stored, hashing(path)):
        [failure] = find_failures(hashed, FailureFilter(path=asked))
        [outcome] = file_outcomes(hashed, study=asked)
        assert failure.path == outcome.path == stored


def test_results_are_found_by_the_path_and_by_its_hash(hashed: Database) -> None:
    path = f"{FOLDER}/a.dcm"
    submit(hashed, [seen(1, path=path), seen(2, path=f"{FOLDER}/b.dcm")])
    measure_all(hashed)
    for asked in (
        ResultFilter(study=path),
        ResultFilter(study=hashing(path)),
        ResultFilter(where=(parse_condition(f"path = {path}"),)),
        ResultFilter(where=(parse_condition(f"path != {FOLDER}/b.dcm"),)),
        ResultFilter(where=(parse_condition(f"path contains {path}"),)),
    ):
        assert [each.path for each in find_results(hashed, asked)] == [f"#{hashing(path)}"]


def test_a_path_is_kept_while_a_retry_waits_and_after_a_lost_worker(hashed: Database) -> None:
    path = f"{FOLDER}/a.dcm"
    submit(hashed, [seen(1, path=path)])
    end_all(hashed, AWAY)
    assert paths_of(hashed) == [path, path]
    late = START + timedelta(hours=1)
    recover_stalled(hashed, 900.0, now=late)
    [chunk_id] = send(hashed, now=late)
    held = claim_chunk(hashed, chunk_id, "w", LEASE, now=late)
    assert held is not None
    release(hashed, held.owner, now=late)
    for _ in range(2):  # its worker is killed
        assert paths_of(hashed) == [path, path]
        [chunk_id] = send(hashed, now=late)
        held = claim_chunk(hashed, chunk_id, "w", LEASE, now=late)
        assert held is not None
        assert [each.paths for each in held.jobs] == [(path,)]
        late += timedelta(hours=1)
        found = recover_stalled(hashed, 900.0, now=late)
    assert found.quarantined == 1
    assert paths_of(hashed) == [f"#{hashing(path)}"] * 2


def test_a_cancelled_batch_keeps_only_paths_that_another_batch_needs(
    hashed: Database,
) -> None:
    submit(hashed, [seen(1, path=f"{FOLDER}/a"), seen(2, path=f"{FOLDER}/b")])
    submit(hashed, [seen(1, path=f"{FOLDER}/c")], name="other")
    cancel(hashed, "night", 4)
    kept = {path for path in paths_of(hashed) if not is_hashed(path)}
    assert kept == {f"{FOLDER}/a", f"{FOLDER}/c"}
    cancel(hashed, "other", 4)
    assert all(is_hashed(path) for path in paths_of(hashed))


@pytest.mark.parametrize("code", [None, ["truncated-file"]], ids=["all", "code"])
def test_failed_files_are_retried_when_their_folder_is_resubmitted(
    hashed: Database, code: list[str] | None
) -> None:
    met = [seen(1, path=f"{FOLDER}/a"), seen(1, path=f"{FOLDER}/copy"), refused(f"{PATIENT}/x")]
    batch = submit(hashed, met)
    end_all(hashed, BROKEN)
    stats = [each.stat for each in met]
    # Without a retry every file is known.
    assert read_files(hashed, batch, stats, again=True) == set(stats)
    count = retry(hashed, "night", code, 4)
    assert (count.jobs, count.not_kept) == (0, 1)
    [row] = rows(hashed, job)
    assert (row.state, row.code) == (JobState.FAILED, "truncated-file")
    # A watch, which scans all the time, does not submit them.
    assert read_files(hashed, batch, stats) >= set(stats[:2])
    assert read_files(hashed, batch, stats, again=True).isdisjoint(stats[:2])
    count = record_files(hashed, batch, met[:2], MODEL, 4, again=True)
    assert (count.queued, count.duplicates, count.known) == (1, 1, 0)
    [chunk] = unsent_chunks(hashed, 9)
    held = claim_chunk(hashed, chunk.chunk_id, "w", LEASE)
    assert held is not None
    assert set(held.jobs[0].paths) == {f"{FOLDER}/a", f"{FOLDER}/copy"}
    assert len([row for row in rows(hashed, file) if row.job_id is not None]) == 2
    outcomes = [Outcome(held.jobs[0].job_id, refusal=BROKEN)]
    store_outcomes(hashed, held.owner, outcomes, "w", RETRY)
    assert all(is_hashed(path) for path in paths_of(hashed))
    assert read_files(hashed, batch, stats[:2], again=True) == set(stats[:2])


def test_cancelled_files_are_queued_when_their_folder_is_resubmitted(hashed: Database) -> None:
    met = [seen(1, path=f"{FOLDER}/a")]
    batch = submit(hashed, met)
    cancel(hashed, "night", 4)
    assert retry(hashed, "night", None, 4).not_kept == 1
    assert record_files(hashed, batch, met, MODEL, 4).known == 1
    assert record_files(hashed, batch, met, MODEL, 4, again=True).queued == 1
    measure_all(hashed)
    assert [row.state for row in rows(hashed, job)] == [JobState.MEASURED]


def test_a_file_is_known_by_its_hash_and_a_copy_is_hashed_at_once(hashed: Database) -> None:
    met = seen(1, path=f"{FOLDER}/a")
    batch = submit(hashed, [met])
    measure_all(hashed)
    assert known_files(hashed, batch.id, [met.stat]) == {met.stat}
    assert submit(hashed, [met]) == batch
    submit(hashed, [seen(1, path=f"{FOLDER}/copy")], name="other")
    assert len(rows(hashed, file)) == 2
    assert all(is_hashed(path) for path in paths_of(hashed))


def test_another_network_measures_only_resubmitted_files(
    hashed: Database,
) -> None:
    submit(hashed, [seen(1, path=f"{FOLDER}/a")])
    measure_all(hashed)
    into = open_batch(hashed, "again", Priority.ROUTINE)
    with pytest.raises(PathNotKept, match="1 of the radiographs"):
        list(remeasure(hashed, into, ResultFilter(), "lungs-2", 4))
    submit(hashed, [seen(1, path=f"{FOLDER}/a")], name="again", model="lungs-2")
    [chunk] = unsent_chunks(hashed, 9)
    held = claim_chunk(hashed, chunk.chunk_id, "w", LEASE)
    assert held is not None
    assert held.jobs[0].paths == (f"{FOLDER}/a",)


@pytest.mark.parametrize("after", [Destination.DONE, Destination.DELETED, Destination.GONE])
def test_paths_are_kept_until_the_watch_has_moved_the_files(
    hashed: Database, after: Destination
) -> None:
    open_batch(hashed, "night", Priority.ROUTINE, puts_away=True)
    met = [seen(1, path=f"{FOLDER}/a"), seen(2, path=f"{FOLDER}/b"), refused(f"{PATIENT}/x")]
    batch = submit(hashed, met)
    measure_all(hashed)
    assert hide_next(hashed, 0, 100) > 0  # the upkeep keeps them too
    ended = ended_files(hashed, batch, after=0, limit=10)
    assert {each.stat.path for each in ended} == {each.stat.path for each in met}
    new = {each.id: each.stat.path.replace(PATIENT, f"{PATIENT}/{after}") for each in ended}
    placed = [PlacedFile(each.id, new[each.id], after) for each in ended]
    record_places(hashed, placed)
    assert ended_files(hashed, batch, after=0, limit=10) == []
    assert all(is_hashed(path) for path in paths_of(hashed))
    if after is Destination.DONE:
        [result] = find_results(hashed, ResultFilter(study=f"{FOLDER}/a"))
        assert result.path == f"#{hashing(f'{FOLDER}/done/a')}"


def test_a_file_that_failed_once_is_moved_to_the_measured_ones(hashed: Database) -> None:
    open_batch(hashed, "night", Priority.ROUTINE, puts_away=True)
    batch = submit(hashed, [seen(1, path=f"{FOLDER}/a")])
    end_all(hashed, BROKEN)
    [ended] = ended_files(hashed, batch, after=0, limit=10)
    record_places(hashed, [PlacedFile(ended.id, f"{FOLDER}/failed/a", Destination.FAILED)])
    assert retry(hashed, None, None, 4).not_kept == 1
    again = seen(1, path=f"{FOLDER}/failed/a")
    assert record_files(hashed, batch, [again], MODEL, 4, again=True).queued == 1
    measure_all(hashed)
    [ended] = ended_files(hashed, batch, after=0, limit=10)
    assert (ended.stat.path, ended.wanted) == (again.stat.path, Destination.DONE)


def test_paths_of_files_that_ended_under_another_setting_are_hashed_later(
    opened: Callable[..., Database], hashed: Database, database_url: str
) -> None:
    roots = {"hashed": "/archive"}
    for nth, archive in enumerate([Archive(), Archive(roots, relative=True)]):
        before = opened(archive)
        submit(before, [seen(nth, path=f"{FOLDER}/{nth}"), refused(f"{PATIENT}/x{nth}")])
        measure_all(before)
        before.dispose()  # SQLite removes the log with its last connection
    submit(hashed, [seen(9, path="/archive/waits")])
    database = opened(Archive(roots, hashing=hashing))
    steps = [hide_next(database, 0, 2)]
    while steps[-1]:
        steps.append(hide_next(database, steps[-1], 2))
    assert steps == [2, 4, 5, 0]
    assert {path for path in paths_of(hashed) if not is_hashed(path)} == {"/archive/waits"}
    [result] = find_results(database, ResultFilter(study=f"{FOLDER}/1"))
    assert hash_of(result.path) == hashing(f"{FOLDER}/1")
    hashed.dispose()
    assert PATIENT.encode() not in dump(database, database_url)


def test_a_file_recorded_in_two_forms_of_its_path_does_not_block_others(
    opened: Callable[..., Database], hashed: Database
) -> None:
    met = seen(1, path=f"{FOLDER}/a")
    submit(hashed, [met])
    measure_all(hashed)
    submit(opened(Archive()), [met, seen(2, path=f"{FOLDER}/b")])  # opened without hashing
    measure_all(hashed)
    hide_next(hashed, 0, 100)
    found = [row.path for row in rows(hashed, file)]
    assert sorted(found) == sorted(f"#{hashing(f'{FOLDER}/{name}')}" for name in ("a", "a", "b"))


def test_an_unreadable_file_is_read_again_and_counted_once(
    hashed: Database,
) -> None:
    unread = refused(f"{PATIENT}/a", Refusal(FileUnavailable.code, "away", AWAY.disposition))
    batch = submit(hashed, [unread])
    assert is_hashed(rows(hashed, file)[0].path)
    count = record_files(hashed, batch, [unread], MODEL, 4)
    assert (count.refused, count.reopened) == (1, 0)
    count = record_files(hashed, batch, [seen(1, path=unread.stat.path)], MODEL, 4)
    assert (count.queued, count.reopened) == (1, 1)
    assert len(rows(hashed, file)) == 1
