"""A sender exchanges folders, files and links as fast as possible while the watch runs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from db.database import Database
from db.models import register_model
from db.put_away_paths import ended_files
from db.query.status import batch_status
from db.tables import radiograph
from radiograph.folders import entered_folder
from scheduler.errors import PlaceAltered, PlaceMissing
from scheduler.intake import file_rename
from scheduler.intake.content import look_into
from scheduler.intake.put_away import After
from scheduler.intake.walk import walk
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from testbed.processes import ending_with_us
from tests.scheduler import swapping
from tests.scheduler.test_put_away import end, take
from tests.scheduler.test_watch import write_image

FILES = 24
SECONDS = 1.5
#: Every file has this time, so that an exchanged one looks the same.
MTIME_NS = 1_700_000_000_000_000_000


def write_alike(path: Path, kind: str, number: int) -> None:
    """Write an image with the same size and time as all others."""
    write_image(path, number)
    data = path.read_bytes() + f"{kind}-{number:06}".encode()
    path.write_bytes(data.ljust(400, b"\0"))
    os.utime(path, ns=(MTIME_NS, MTIME_NS))


def name(number: int) -> str:
    return f"{number:03}.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an inbox with one study."""
    study = tmp_path / "incoming" / "study"
    study.mkdir(parents=True)
    for number in range(FILES):
        write_alike(study / name(number), "in", number)
    return study.parent


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder outside with files of the same names, sizes and times."""
    made = tmp_path / "outside"
    made.mkdir()
    for number in range(FILES):
        write_alike(made / name(number), "out", number)
    return made


@pytest.fixture
def alone(sqlite_url: str) -> Iterator[Database]:
    database = Database.open(sqlite_url)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    yield database
    database.dispose()


def contents(folder: Path) -> list[bytes]:
    """Return the contents of the files below a folder, without following links."""
    return sorted(
        each.read_bytes() for each in folder.rglob("*") if each.is_file() and not each.is_symlink()
    )


def digests(database: Database) -> set[str]:
    """Return the SHA-256 of every recorded content."""
    with database.read() as connection:
        return set(connection.execute(select(radiograph.c.sha256)).scalars())


@contextmanager
def swapped(*pairs: tuple[Path, Path]) -> Iterator[None]:
    """Exchange pairs of paths without pause; in the end the first of each is not a link."""
    words = [str(path) for pair in pairs for path in pair]
    process = subprocess.Popen(
        [sys.executable, swapping.__file__, *words],
        stdout=subprocess.PIPE,
        preexec_fn=ending_with_us(signal.SIGKILL),  # noqa: PLW1509 - see there
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"swapping\n"
    try:
        yield
    finally:
        process.kill()
        process.communicate()
        for first, second in pairs:
            if first.is_symlink():
                swapping.exchange(first, second)


def pairs_of(kind: str, folder: Path, outside: Path) -> list[tuple[Path, Path]]:
    study = folder / "study"
    if kind in {"study", "done"}:
        link = folder / f".{kind}"
        link.symlink_to(outside)
        (folder / kind).mkdir(exist_ok=True)
        return [(folder / kind, link)]
    pairs = [(study / name(number), study / f".{number}") for number in range(0, FILES, 2)]
    for number, (_, other) in zip(range(0, FILES, 2), pairs, strict=True):
        if kind == "link":
            other.symlink_to(outside / name(number))
        else:
            write_alike(other, "another", number)
    return pairs


@pytest.mark.parametrize("after", [After.MOVE, After.DELETE])
@pytest.mark.parametrize("kind", ["study", "done", "link", "another"])
def test_nothing_outside_is_read_moved_or_deleted_while_a_sender_swaps(
    kind: str, after: After, *, alone: Database, folder: Path, outside: Path, settings: Settings
) -> None:
    before, sent = contents(outside), contents(folder)
    pairs = pairs_of(kind, folder, outside)
    lying = contents(folder)
    watch = Watch(alone, folder, settings, after=after)
    scans = 0
    deadline = time.monotonic() + SECONDS
    with swapped(*pairs):
        while time.monotonic() < deadline:
            with contextlib.suppress(PlaceAltered):
                watch.scan()
            scans += 1
            if scans > 3:
                end(alone)
    for _ in range(3):
        watch.scan()
        end(alone)
    watch.scan()

    assert contents(outside) == before
    taken_in = digests(alone)
    assert taken_in <= {hashlib.sha256(each).hexdigest() for each in lying}
    kept = contents(folder)
    if kind == "another":  # which of the two similar files was recorded is random
        assert set(kept) <= set(lying)
        lost = {hashlib.sha256(each).hexdigest() for each in set(lying) - set(kept)}
        assert lost <= (taken_in if after is After.DELETE else set())
        return
    assert ended_files(alone, watch.batch, after=0, limit=1) == []
    assert batch_status(alone, "incoming").measured == FILES
    assert kept == (sent if after is After.MOVE else [])
    assert contents(folder / "done") == kept


@pytest.mark.parametrize("kind", ["study", "link"])
def test_walking_and_reading_never_leave_the_folder_while_a_sender_swaps(
    kind: str, folder: Path, outside: Path
) -> None:
    ours = {hashlib.sha256(each).hexdigest() for each in contents(folder)}
    write_alike(outside / "secret.png", "out", 255)
    found: set[str | None] = set()
    names: set[str] = set()
    deadline = time.monotonic() + SECONDS
    with swapped(*pairs_of(kind, folder, outside)):
        while time.monotonic() < deadline:
            for met in walk(folder):
                names.add(Path(met.stat.path).name)
                found.add(look_into(met.stat, 1).sha256)
    assert found <= ours | {None}
    assert found - {None}
    assert "secret.png" not in names


@pytest.mark.parametrize("place", ["done", "failed"])
def test_a_linked_done_or_failed_is_refused_with_a_code_and_files_are_still_submitted(
    place: str, alone: Database, folder: Path, outside: Path, settings: Settings
) -> None:
    (folder / place).symlink_to(outside)
    before = contents(outside)
    watch = Watch(alone, folder, settings, after=After.MOVE)
    with pytest.raises(PlaceAltered, match=place):
        watch.once()
    assert batch_status(alone, "incoming").seen == FILES
    end(alone)
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        write_alike(folder / "later.png", "in", 200)
        deadline = time.monotonic() + 30
        while batch_status(alone, "incoming").seen <= FILES and time.monotonic() < deadline:
            time.sleep(0.02)
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    assert batch_status(alone, "incoming").seen == FILES + 1
    assert contents(outside) == before
    assert len(list((folder / "study").iterdir())) == FILES

    (folder / place).unlink()
    watch.scan()
    assert len(list((folder / "done" / "study").iterdir())) == FILES


@pytest.mark.parametrize("after", [After.MOVE, After.DELETE])
@pytest.mark.parametrize("where", ["study", "study/000.png", "done/study"])
def test_files_replaced_by_a_link_wait_until_they_are_back(
    where: str, after: After, *, alone: Database, folder: Path, outside: Path, settings: Settings
) -> None:
    before, sent = contents(outside), contents(folder)
    watch = Watch(alone, folder, settings, after=after)
    take(watch)
    end(alone)
    place = folder / where
    if where.startswith("done"):
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(outside)
    else:
        place.rename(place.with_name(".away"))
        place.symlink_to(outside if place.suffix == "" else outside / place.name)
    for _ in range(3):
        watch.scan()
    assert contents(outside) == before

    place.unlink()
    if not where.startswith("done"):
        place.with_name(".away").rename(place)
    watch.scan()
    assert contents(folder) == (sent if after is After.MOVE else [])
    assert contents(folder / "done") == contents(folder)
    assert contents(outside) == before


def test_a_link_given_by_the_operator_is_followed_but_not_one_that_replaces_it(
    alone: Database, folder: Path, outside: Path, settings: Settings, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    door.symlink_to(folder)
    watch = Watch(alone, door, settings, after=After.MOVE)
    take(watch)
    end(alone)
    watch.scan()
    assert len(list((folder / "done" / "study").iterdir())) == FILES

    folder.rename(tmp_path / "away")
    folder.symlink_to(outside)
    before = contents(outside)
    with pytest.raises(PlaceMissing):
        watch.scan()
    assert contents(outside) == before
    assert {each.name for each in outside.iterdir()} == {name(number) for number in range(FILES)}


def test_a_file_that_looks_like_a_measured_one_is_not_deleted(
    alone: Database, folder: Path, settings: Settings
) -> None:
    watch = Watch(alone, folder, settings, after=After.DELETE)
    take(watch)
    end(alone)
    write_alike(folder / "study" / name(3), "another", 3)
    for _ in range(3):
        watch.scan()
    assert [each.name for each in (folder / "study").iterdir()] == [name(3)]
    assert ended_files(alone, watch.batch, after=0, limit=1) == []


def test_a_deletion_that_a_crash_interrupted_is_finished(
    alone: Database, folder: Path, settings: Settings
) -> None:
    watch = Watch(alone, folder, settings, after=After.DELETE)
    take(watch)
    end(alone)
    [first] = ended_files(alone, watch.batch, after=0, limit=1)
    aside = folder / "done" / f".{first.id}.part"
    Path(first.stat.path).rename(aside)
    take(Watch(alone, folder, settings, after=After.DELETE))
    assert contents(folder) == []


@pytest.mark.parametrize("rename", [file_rename.rename_new, file_rename._rename_reserved])
def test_renaming_replaces_no_file_with_and_without_support_of_the_file_system(
    rename: Callable[[str, int, str, int], None], folder: Path
) -> None:
    with entered_folder(str(folder / "study")) as here:
        first, second = ((folder / "study" / name(number)).read_bytes() for number in (0, 1))
        with pytest.raises(FileExistsError):
            rename(name(0), here, name(1), here)
        (folder / "study" / "link").symlink_to("nowhere")
        with pytest.raises(FileExistsError):
            rename(name(0), here, "link", here)
        with pytest.raises(FileNotFoundError):
            rename("gone", here, "new", here)
        assert not (folder / "study" / "new").exists()
        rename(name(0), here, "new", here)
    assert (folder / "study" / "new").read_bytes() == first
    assert (folder / "study" / name(1)).read_bytes() == second
    assert not (folder / "study" / name(0)).exists()
