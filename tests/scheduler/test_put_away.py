"""Ended files are moved, also after crashes, and nothing is overwritten or lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from db.claims import claim_chunk, store_outcomes
from db.database import Database
from db.operations import retry
from db.outbox import unsent_chunks
from db.query.results import file_outcomes
from db.query.status import batch_status
from db.records import ClaimedJob, Outcome
from scheduler.intake.failure_table import PATH as REASONS
from scheduler.intake.put_away import After
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from testbed.records import AWAY, BROKEN, RETRY, measured, refusing
from tests.scheduler.test_watch import write_image

Watching = Callable[[After], Watch]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a study of two radiographs, a single one and another file."""
    made = tmp_path / "incoming"
    (made / "study").mkdir(parents=True)
    write_image(made / "study" / "1.png", 1)
    write_image(made / "study" / "2.png", 2)
    write_image(made / "alone.png", 3)
    (made / "notes.txt").write_text("not an image")
    return made


@pytest.fixture
def watching(served: Database, folder: Path, settings: Settings) -> Watching:
    """Return a function that starts a watch, as after a restart."""
    return lambda after: Watch(served, folder, settings, after=after)


def take(watch: Watch) -> None:
    watch.scan()
    watch.scan()


def end(db: Database, outcome: Callable[[ClaimedJob], Outcome] = measured) -> None:
    """End every waiting job with an outcome."""
    for message in unsent_chunks(db, 100):
        claim = claim_chunk(db, message.chunk_id, "cpu0@host", 60.0)
        if claim is not None:
            outcomes = [outcome(each) for each in claim.jobs]
            store_outcomes(db, claim.owner, outcomes, "cpu0@host", RETRY)


def lying(folder: Path) -> set[str]:
    """Return the paths of all files except the table of reasons."""
    files = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    return files - {REASONS}


def test_left_files_stay_where_they_are(served: Database, folder: Path, watching: Watching) -> None:
    watch = watching(After.LEAVE)
    take(watch)
    end(served)
    watch.scan()
    assert lying(folder) == {"study/1.png", "study/2.png", "alone.png", "notes.txt"}


def test_measured_files_move_to_done_and_others_to_failed_with_their_folders(
    served: Database, folder: Path, watching: Watching
) -> None:
    shutil.copy(folder / "alone.png", folder / "copy.png")
    watch = watching(After.MOVE)
    take(watch)
    end(served, lambda job: refusing(job, BROKEN) if "/2.png" in job.paths[0] else measured(job))
    assert watch.scan().seen == 0

    assert lying(folder) == {
        "done/study/1.png",
        "done/alone.png",
        "done/copy.png",
        "failed/study/2.png",
        "failed/notes.txt",
    }
    outcomes = {each.path for each in file_outcomes(served)}
    assert outcomes == {str(folder / each) for each in lying(folder)}
    assert take(watching(After.MOVE)) is None  # after a restart there is nothing to do
    assert batch_status(served, "incoming").seen == 5


def test_files_placed_in_done_are_not_submitted(
    served: Database, folder: Path, watching: Watching
) -> None:
    watch = watching(After.MOVE)
    take(watch)
    end(served)
    watch.scan()
    write_image(folder / "done" / "study" / "7.png", 7)
    write_image(folder / "failed" / "8.png", 8)
    take(watch)
    assert batch_status(served, "incoming").seen == 4


def test_waiting_and_running_files_stay(served: Database, folder: Path, watching: Watching) -> None:
    watch = watching(After.MOVE)
    take(watch)
    end(served, lambda job: refusing(job, AWAY))
    watch.scan()
    assert lying(folder) == {"study/1.png", "study/2.png", "alone.png", "failed/notes.txt"}


def test_a_successful_retry_reads_the_moved_file_and_moves_it_again(
    served: Database, folder: Path, watching: Watching
) -> None:
    watch = watching(After.MOVE)
    take(watch)
    end(served, lambda job: refusing(job, BROKEN))
    watch.scan()
    assert retry(served, "incoming", ["truncated-file"], 4).jobs == 3
    paths: list[str] = []

    def noting(job: ClaimedJob) -> Outcome:
        paths.extend(job.paths)
        return measured(job)

    end(served, noting)
    assert all(Path(path).exists() for path in paths)
    watch.scan()
    assert lying(folder) == {
        *("done/study/1.png", "done/study/2.png", "done/alone.png", "failed/notes.txt")
    }


def test_only_measured_files_are_deleted(
    served: Database, folder: Path, watching: Watching
) -> None:
    watch = watching(After.DELETE)
    take(watch)
    end(served, lambda job: refusing(job, BROKEN) if "/2.png" in job.paths[0] else measured(job))
    watch.scan()
    assert lying(folder) == {"failed/study/2.png", "failed/notes.txt"}
    assert batch_status(served, "incoming").measured == 2


@pytest.mark.parametrize("after", [After.MOVE, After.DELETE])
@pytest.mark.parametrize("change", ["other content", "other time"])
def test_a_file_that_replaced_a_measured_one_is_neither_moved_nor_deleted(
    served: Database, folder: Path, watching: Watching, after: After, change: str
) -> None:
    watch = watching(after)
    take(watch)
    if change == "other time":
        os.utime(folder / "alone.png", ns=(1, 1))
    else:
        write_image(folder / "alone.png", 200)
    second = (folder / "alone.png").read_bytes()
    end(served)
    watch.scan()
    # It has not been measured yet.
    assert (folder / "alone.png").read_bytes() == second
    take(watch)
    end(served)
    watch.scan()
    assert not (folder / "alone.png").exists()


def test_nothing_is_overwritten(served: Database, folder: Path, watching: Watching) -> None:
    watch = watching(After.MOVE)
    take(watch)
    end(served)
    watch.scan()
    first = (folder / "done" / "alone.png").read_bytes()
    write_image(folder / "alone.png", 77)
    second = (folder / "alone.png").read_bytes()
    take(watch)
    end(served)
    watch.scan()

    assert (folder / "done" / "alone.png").read_bytes() == first
    [other] = (folder / "done").glob("alone.*.png")
    assert other.read_bytes() == second


def test_a_file_sent_once_more_after_done_was_emptied_is_a_duplicate(
    served: Database, folder: Path, watching: Watching, tmp_path: Path
) -> None:
    shutil.copy2(folder / "alone.png", tmp_path / "alone.png")
    watch = watching(After.MOVE)
    take(watch)
    end(served)
    watch.scan()
    shutil.rmtree(folder / "done")
    shutil.copy2(tmp_path / "alone.png", folder / "alone.png")  # with its old time, as by rsync
    take(watch)
    watch.scan()

    status = batch_status(served, "incoming")
    assert (status.seen, status.measured, status.duplicates) == (5, 3, 1)
    assert len(list((folder / "done").glob("alone.*"))) == 1
    assert not (folder / "alone.png").exists()


def test_a_crash_between_the_move_and_its_record_loses_nothing(
    served: Database, folder: Path, watching: Watching
) -> None:
    take(watching(After.MOVE))
    end(served)
    (folder / "done" / "study").mkdir(parents=True, exist_ok=True)
    (folder / "study" / "1.png").rename(folder / "done" / "study" / "1.png")

    take(watching(After.MOVE))

    assert lying(folder) == {
        *("done/study/1.png", "done/study/2.png", "done/alone.png", "failed/notes.txt")
    }
    status = batch_status(served, "incoming")
    assert (status.seen, status.measured, status.failed, status.set_aside) == (4, 3, 0, 1)
    assert all(Path(each.path).exists() for each in file_outcomes(served))


def test_files_on_an_unmounted_share_are_not_recorded_as_gone(
    served: Database, folder: Path, watching: Watching, tmp_path: Path
) -> None:
    take(watching(After.MOVE))
    end(served)
    folder.rename(tmp_path / "share")
    folder.mkdir()  # the mount point
    away = watching(After.MOVE)
    take(away)
    assert lying(folder) == set()
    assert not (folder / "done").exists()

    folder.rmdir()
    (tmp_path / "share").rename(folder)
    take(away)
    assert "done/alone.png" in lying(folder)


def test_files_removed_by_others_are_no_longer_waited_for(
    served: Database, folder: Path, watching: Watching
) -> None:
    watch = watching(After.MOVE)
    take(watch)
    (folder / "alone.png").unlink()
    end(served)
    watch.scan()
    watch.scan()
    assert "done/alone.png" not in lying(folder)
    assert batch_status(served, "incoming").measured == 3


def test_a_name_that_is_not_utf8_is_moved_with_its_bytes(
    served: Database, folder: Path, watching: Watching
) -> None:
    name = os.fsdecode(b"m\xfcller.png")
    write_image(folder / name, 9)
    watch = watching(After.MOVE)
    take(watch)
    end(served)
    watch.scan()
    assert name in {each.name for each in (folder / "done").iterdir()}


def test_a_file_that_cannot_be_moved_does_not_block_others(
    served: Database, folder: Path, watching: Watching
) -> None:
    watch = watching(After.MOVE)
    take(watch)
    (folder / "done" / "study").write_text("in the way of a folder")
    end(served)
    watch.scan()
    assert {"study/1.png", "study/2.png", "done/alone.png"} <= lying(folder)
    (folder / "done" / "study").unlink()
    watch.scan()
    assert {"done/study/1.png", "done/study/2.png"} <= lying(folder)
