"""Temporarily unreadable folders and files: each is counted once, and not forever."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from db.database import Database
from db.intake import open_batch
from db.query.failure_records import FailureFilter
from db.query.failures import count_failures, find_failures
from db.query.status import batch_status
from db.records import IntakeCount
from db.states import Priority
from scheduler.intake.submission import Intake, enqueue
from scheduler.intake.walk import walk
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from testbed.rights import bound_by_rights
from testbed.tally import check_tally


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Path]:
    """Return five radiographs, three of them in a folder that becomes unreadable."""
    made = tmp_path / "archive"
    for number, name in enumerate(["a", "b", "study/c", "study/d", "study/series/e"]):
        path = made / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (64, 64), number).save(path)
    yield made
    for each in (made, *made.rglob("*")):
        if not each.is_symlink():
            each.chmod(0o700)


def take(served: Database, archive: Path, settings: Settings) -> IntakeCount:
    """Submit the archive, subject to file permissions."""
    batch = open_batch(served, "night", Priority.ROUTINE)
    with bound_by_rights():
        return enqueue(served, [archive], batch, settings)


def check(served: Database, *, queued: int, failed: int) -> None:
    """Assert the ledger, the failures and the number of files."""
    status = batch_status(served, "night")
    assert (status.queued, status.failed, status.seen) == (queued, failed, queued + failed)
    assert status.balanced
    assert sum(count_failures(served, FailureFilter("night")).values()) == failed
    assert len(list(find_failures(served, FailureFilter("night")))) == failed
    check_tally(served)


def empty(study: Path) -> None:
    shutil.rmtree(study)
    study.mkdir()


def to_link(study: Path) -> None:
    study.rename(study.parent.parent / "elsewhere")
    study.symlink_to(study.parent.parent / "elsewhere")


def to_file(study: Path) -> None:
    shutil.rmtree(study)
    Image.new("L", (64, 64), 99).save(study, "PNG")


#: What happens to the unreadable folder, and how many files are queued in the end.
LATER: dict[str, tuple[Callable[[Path], object], int]] = {
    "opens": (lambda _: None, 5),
    "is removed": (shutil.rmtree, 2),
    "is empty": (empty, 2),
    "is renamed": (lambda study: study.rename(study.with_name("moved")), 5),
    "becomes a link": (to_link, 2),
    "becomes a file": (to_file, 3),
}


@pytest.mark.parametrize("later", LATER)
def test_an_unreadable_folder_counts_until_it_is_readable_or_removed(
    served: Database, archive: Path, settings: Settings, later: str
) -> None:
    change, queued = LATER[later]
    study = archive / "study"
    study.chmod(0o000)
    assert take(served, archive, settings) == IntakeCount(seen=3, queued=2, refused=1)
    check(served, queued=2, failed=1)
    assert take(served, archive, settings).queued == 0  # still unreadable
    check(served, queued=2, failed=1)
    study.chmod(0o700)
    change(study)
    count = take(served, archive, settings)
    assert (count.queued, count.reopened) == (queued - 2, 1)
    check(served, queued=queued, failed=0)
    assert take(served, archive, settings) == IntakeCount(seen=queued, known=queued)
    check(served, queued=queued, failed=0)


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100], ids=oct)
@pytest.mark.parametrize("locked", ["study", "study/series", "study/c.png", "."])
def test_unreadable_files_and_folders_are_submitted_once_they_are_readable(
    served: Database, archive: Path, settings: Settings, locked: str, mode: int
) -> None:
    (archive / locked).chmod(mode)
    take(served, archive, settings)
    status = batch_status(served, "night")
    check(served, queued=status.queued, failed=status.failed)
    (archive / locked).chmod(0o700)
    count = take(served, archive, settings)
    assert (count.queued, count.reopened) == (5 - status.queued, status.failed)
    check(served, queued=5, failed=0)


def test_a_folder_that_becomes_unreadable_keeps_its_known_files(
    served: Database, archive: Path, settings: Settings
) -> None:
    take(served, archive, settings)
    (archive / "study").chmod(0o000)
    take(served, archive, settings)
    check(served, queued=5, failed=1)  # the folder, which may contain new files
    (archive / "study").chmod(0o700)
    take(served, archive, settings)
    check(served, queued=5, failed=0)


@pytest.mark.parametrize("change", ["lock", "remove"])
def test_a_folder_that_changes_while_the_walk_is_inside_it(
    served: Database, archive: Path, settings: Settings, change: str
) -> None:
    batch = open_batch(served, "night", Priority.ROUTINE)
    study = archive / "study"

    def walking() -> Iterator[object]:
        for met in walk(archive):
            yield met
            if "study" in met.stat.path and study.exists():
                study.chmod(0o000) if change == "lock" else shutil.rmtree(study)

    with bound_by_rights():
        Intake(served, batch, settings).take(walking())  # type: ignore[arg-type]
    status = batch_status(served, "night")
    assert status.failed > 0
    check(served, queued=status.queued, failed=status.failed)
    if change == "lock":
        study.chmod(0o700)
    take(served, archive, settings)
    check(served, queued=5 if change == "lock" else status.queued, failed=0)


def test_submitting_another_folder_keeps_the_failure_of_an_unreadable_one(
    served: Database, archive: Path, settings: Settings, tmp_path: Path
) -> None:
    (archive / "study").chmod(0o000)
    take(served, archive, settings)
    (archive / "study").chmod(0o700)
    other = tmp_path / "archive-2"
    other.mkdir()
    take(served, other, settings)
    check(served, queued=2, failed=1)  # until its files are submitted


@pytest.mark.parametrize("locked", ["study", "study/c.png"])
def test_a_watch_submits_unreadable_files_once_they_are_readable(
    served: Database, archive: Path, settings: Settings, locked: str
) -> None:
    watch = Watch(served, archive, settings, batch="night")
    (archive / locked).chmod(0o000)
    with bound_by_rights():
        for _ in range(3):
            watch.scan()
        waiting = batch_status(served, "night").seen
        assert waiting == (2 if locked == "study" else 4)
        check(served, queued=waiting, failed=0)
        (archive / locked).chmod(0o700)
        for _ in range(3):
            watch.scan()
        check(served, queued=5, failed=0)
        (archive / locked).chmod(0o000)
        watch.scan()
        check(served, queued=5, failed=0)
