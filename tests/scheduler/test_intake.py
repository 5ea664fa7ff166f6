"""Intake: each content is queued once, and every file is in the ledger."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from celery import Celery
from PIL import Image

from db.database import Database
from db.errors import ModelUnknown
from db.intake import open_batch
from db.models import register_model
from db.outbox import unsent_chunks
from db.query.status import batch_status
from db.records import Batch, FileStat, IntakeCount
from db.states import Priority
from scheduler.app import create_app
from scheduler.errors import NoModelServed, PlaceForbidden, PlaceMissing
from scheduler.intake.content import look_into
from scheduler.intake.submission import enqueue
from scheduler.messages import ROUTINE_QUEUE
from scheduler.settings import Settings
from testbed.servers.redis import RedisServer


def write_image(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), level).save(path, "PNG")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return four images in two folders, one of them twice, a text and an empty file."""
    folder = tmp_path / "archive"
    for level in (10, 20, 30):
        write_image(folder / "a" / f"{level}.png", level)
    write_image(folder / "b" / "IM0001", 10)
    (folder / "readme.txt").write_text("not an image")
    (folder / "empty.dcm").write_bytes(b"")
    return folder


@pytest.fixture
def batch(served: Database) -> Batch:
    """Return a routine batch."""
    return open_batch(served, "archive", Priority.ROUTINE)


def test_each_content_is_queued_once_and_every_file_is_counted(
    served: Database, batch: Batch, archive: Path, settings: Settings, app: Celery
) -> None:
    count = enqueue(served, [archive], batch, settings, app=app)
    assert count == IntakeCount(seen=6, queued=3, duplicates=1, refused=2)
    status = batch_status(served, "archive")
    assert (status.seen, status.queued, status.duplicates) == (6, 3, 1)
    assert (status.set_aside, status.failed) == (1, 1)
    assert status.balanced
    with app.connection_for_read() as connection:
        assert connection.default_channel.client.llen(ROUTINE_QUEUE) == 2  # two and one


def test_known_files_are_neither_read_nor_queued_again(
    served: Database, batch: Batch, archive: Path, settings: Settings
) -> None:
    enqueue(served, [archive], batch, settings)
    chunks = unsent_chunks(served, 100)
    for each in archive.rglob("*"):
        if each.is_file():
            # If it were read, it would have another content.
            stat = each.stat()
            each.write_bytes(b"x" * stat.st_size)
            os.utime(each, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert enqueue(served, [archive], batch, settings) == IntakeCount(seen=6, known=6)
    assert unsent_chunks(served, 100) == chunks


def test_a_path_given_twice_or_inside_another_is_submitted_once(
    served: Database, batch: Batch, archive: Path, settings: Settings
) -> None:
    count = enqueue(served, [archive, archive / "a", archive / "a" / "10.png"], batch, settings)
    assert (count.queued, count.duplicates) == (3, 1)
    assert batch_status(served, "archive").seen == 6


def test_progress_is_reported(
    served: Database, batch: Batch, archive: Path, settings: Settings
) -> None:
    told: list[IntakeCount] = []
    count = enqueue(served, [archive], batch, settings, progress=told.append)
    assert told[-1] == count


def test_without_a_broker_the_chunks_wait_in_the_database(
    sqlite_url: str, archive: Path, settings: Settings, redis_server: RedisServer
) -> None:
    database = Database.open(sqlite_url)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    batch = open_batch(database, "archive", Priority.ROUTINE)
    redis_server.kill()
    with create_app(redis_server.url) as app:
        assert enqueue(database, [archive], batch, settings, app=app).queued == 3
    assert len(unsent_chunks(database, 100)) == 2
    database.dispose()


def test_a_missing_path_is_reported_before_anything_is_recorded(
    served: Database, batch: Batch, archive: Path, settings: Settings
) -> None:
    with pytest.raises(PlaceMissing):
        enqueue(served, [archive, archive / "nowhere"], batch, settings)
    assert batch_status(served, "archive").seen == 0


def test_without_a_model_nothing_can_be_queued(
    database: Database, archive: Path, settings: Settings
) -> None:
    batch = open_batch(database, "archive", Priority.ROUTINE)
    with pytest.raises(NoModelServed):
        enqueue(database, [archive], batch, settings)


def test_a_file_that_grows_while_it_is_read_is_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "growing.png"
    write_image(path, 10)
    stat = path.stat()
    met = FileStat(str(path), stat.st_size, stat.st_mtime_ns)
    assert look_into(met, 1).refusal is None
    with path.open("ab") as file:
        file.write(b"more")
    seen = look_into(met, 1)
    assert seen.refusal is not None
    assert (seen.refusal.code, seen.refusal.permanent) == ("file-unavailable", False)
    assert seen.sha256 is None


def test_a_hash_is_that_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    write_image(path, 10)
    head = path.read_bytes()
    for size in (0, 5_000, 3 << 20):
        path.write_bytes(head + os.urandom(size))
        stat = path.stat()
        seen = look_into(FileStat(str(path), stat.st_size, stat.st_mtime_ns), 8)
        assert seen.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_changes_while_it_is_hashed_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "arriving.png"
    write_image(path, 10)
    with path.open("r+b") as file:
        file.truncate(1 << 29)  # sparse: takes about half a second to hash
    stat = path.stat()
    met = FileStat(str(path), stat.st_size, stat.st_mtime_ns)
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look_into, met, 2048)
        while not looking.done() and not is_being_read(path):
            time.sleep(0.001)
        os.utime(path)
        seen = looking.result()
    assert seen.refusal is not None
    assert (seen.refusal.code, seen.refusal.permanent) == ("file-unavailable", False)
    assert seen.sha256 is None


def is_being_read(path: Path) -> bool:
    """Return whether this process has read part of a file that it has open."""
    for link in Path("/proc/self/fd").iterdir():
        if os.path.realpath(link) == str(path.resolve()):
            told = Path(f"/proc/self/fdinfo/{link.name}").read_text().split()
            return int(told[1]) > 0  # after "pos:"
    return False


def test_a_file_over_the_limit_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.dcm"
    with path.open("wb") as file:
        file.truncate(3 << 40)  # sparse: reading it would take hours
    seen = look_into(FileStat(str(path), 3 << 40, path.stat().st_mtime_ns), 512)
    assert seen.refusal is not None
    assert seen.refusal.code == "too-large"


def test_a_file_replaced_by_a_link_or_a_pipe_is_neither_followed_nor_waited_for(
    tmp_path: Path,
) -> None:
    write_image(tmp_path / "secret.png", 10)
    stat = (tmp_path / "secret.png").stat()
    (tmp_path / "link.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("link.png", "pipe.png"):
        met = FileStat(str(tmp_path / name), stat.st_size, stat.st_mtime_ns)
        assert look_into(met, 1).refusal is not None


def test_a_path_outside_the_allowed_folders_is_reported_before_anything_is_recorded(
    served: Database, archive: Path, settings: Settings, tmp_path: Path
) -> None:
    batch = open_batch(served, "night", Priority.ROUTINE)
    narrow = settings.model_copy(update={"roots": str(tmp_path / "elsewhere")})
    with pytest.raises(PlaceForbidden, match="THORAQ_ROOTS"):
        enqueue(served, [archive], batch, narrow)
    assert batch_status(served, "night").seen == 0


def test_an_unregistered_network_is_refused(
    served: Database, batch: Batch, archive: Path, settings: Settings
) -> None:
    with pytest.raises(ModelUnknown, match="test-9"):
        enqueue(served, [archive], batch, settings, model="test-9")
    assert batch_status(served, "archive").seen == 0


def test_two_networks_measure_the_same_contents(
    served: Database, batch: Batch, archive: Path, settings: Settings
) -> None:
    enqueue(served, [archive], batch, settings)
    register_model(served, "test-2", "1" * 64, {}, serve=False)
    again = open_batch(served, "again", Priority.ROUTINE)
    count = enqueue(served, [archive], again, settings, model="test-2")
    assert count == IntakeCount(seen=6, queued=3, duplicates=1, refused=2)
    assert batch_status(served, "archive").queued == 3
