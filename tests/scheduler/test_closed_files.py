"""File events from the kernel: closed after writing, or renamed into the folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.database import Database
from db.records import FileStat
from scheduler.intake.closed_files import ClosedFiles
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from tests.scheduler.test_watch import write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder."""
    made = tmp_path / "incoming"
    made.mkdir()
    return made


@pytest.fixture
def closings(folder: Path) -> Iterator[ClosedFiles]:
    """Return a listener on the folder."""
    listening = ClosedFiles(folder)
    listening.start()
    yield listening
    listening.stop()


def stat_of(path: Path) -> FileStat:
    found = path.lstat()
    return FileStat(str(path), found.st_size, found.st_mtime_ns)


def heard(closings: ClosedFiles, path: Path) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if closings.was_closed(stat_of(path)):
            return True
        time.sleep(0.02)
    return False


def test_a_file_is_reported_when_it_is_closed_not_before(
    closings: ClosedFiles, folder: Path
) -> None:
    with (folder / "a.png").open("wb", buffering=0) as file:
        file.write(b"half")
        write_image(folder / "b.png")
        assert heard(closings, folder / "b.png")  # so earlier events have been received as well
        assert not closings.was_closed(stat_of(folder / "a.png"))
        file.write(b"whole")
    assert heard(closings, folder / "a.png")


def test_a_file_is_reported_after_a_moment_without_changes(
    closings: ClosedFiles, folder: Path
) -> None:
    began = time.monotonic()
    write_image(folder / "a.png")
    assert heard(closings, folder / "a.png")
    assert time.monotonic() - began >= 0.5


def test_a_file_that_is_opened_again_at_once_is_not_complete(
    closings: ClosedFiles, folder: Path
) -> None:
    write_image(folder / "a.png")
    write_image(folder / "b.png")
    with (folder / "a.png").open("ab", buffering=0) as file:
        while not closings.was_closed(stat_of(folder / "b.png")):
            file.write(b"more")
            assert not closings.was_closed(stat_of(folder / "a.png"))
            time.sleep(0.05)
    assert heard(closings, folder / "a.png")


def test_a_file_renamed_into_the_folder_is_reported(
    closings: ClosedFiles, folder: Path, tmp_path: Path
) -> None:
    write_image(tmp_path / "elsewhere.png")
    (tmp_path / "elsewhere.png").rename(folder / "from-elsewhere.png")
    write_image(folder / "x.part")
    (folder / "x.part").rename(folder / "x.png")
    assert heard(closings, folder / "from-elsewhere.png")
    assert heard(closings, folder / "x.png")


def test_events_in_new_folders_are_reported(closings: ClosedFiles, folder: Path) -> None:
    (folder / "study").mkdir()
    time.sleep(0.5)  # the folder's own event comes first
    name = os.fsdecode(b"m\xfcller.png")
    write_image(folder / "study" / name)
    assert heard(closings, folder / "study" / name)


def test_a_closed_file_is_taken_at_once(served: Database, folder: Path, settings: Settings) -> None:
    slow = settings.model_copy(update={"settle_seconds": 3600.0})
    watch = Watch(served, folder, slow)
    watch.listen()
    try:
        write_image(folder / "closed.png", 1)
        with (folder / "open.png").open("wb", buffering=0) as file:
            file.write(b"half a file")
            deadline = time.monotonic() + 20
            queued = 0
            while not queued and time.monotonic() < deadline:
                queued += watch.scan().queued
                time.sleep(0.05)
            assert queued == 1
            assert watch.scan().seen == 0
    finally:
        watch.close()


def test_a_missing_folder_has_no_events(tmp_path: Path) -> None:
    listening = ClosedFiles(tmp_path / "nowhere")
    listening.start()
    assert not listening.was_closed(FileStat(str(tmp_path / "nowhere" / "a.png"), 1, 1))
    listening.stop()
