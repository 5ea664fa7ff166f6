"""The watch submits complete files once, and leaves them where they are."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from db.claims import claim_chunk
from db.database import Database
from db.erasure import erase
from db.erasure_records import Scope
from db.models import register_model
from db.operations import cancel
from db.outbox import unsent_chunks
from db.query.status import batch_status
from db.states import Priority
from db.tables import file
from scheduler.errors import PlaceForbidden
from scheduler.intake.put_away import After
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from testbed.tables import rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder to watch."""
    made = tmp_path / "incoming"
    made.mkdir()
    return made


def queued_models(database: Database) -> list[str]:
    """Return the network of every waiting chunk, the oldest first."""
    versions = []
    for message in unsent_chunks(database, 100):
        claim = claim_chunk(database, message.chunk_id, "cpu0@host", 60.0)
        assert claim is not None
        versions.append(claim.model_version)
    return versions


@pytest.fixture
def watch(served: Database, folder: Path, settings: Settings) -> Watch:
    """Return a watch of the folder that has not scanned yet."""
    return Watch(served, folder, settings)


def write_image(path: Path, level: int = 10) -> None:
    Image.new("L", (64, 64), level).save(path, "PNG")


def test_a_file_is_submitted_once_two_scans_found_it_unchanged(watch: Watch, folder: Path) -> None:
    write_image(folder / "a.png")
    assert watch.scan().seen == 0
    assert watch.scan().queued == 1
    assert watch.scan().seen == 0
    assert (folder / "a.png").exists()


def test_a_file_that_is_still_being_written_is_left_until_it_is_complete(
    served: Database, watch: Watch, folder: Path, tmp_path: Path
) -> None:
    write_image(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    with (folder / "slow.png").open("wb", buffering=0) as file:
        for position in range(0, len(whole), 20):  # slower than the scans
            file.write(whole[position : position + 20])
            assert watch.scan().seen == 0
    watch.scan()
    assert batch_status(served, "incoming").queued == 1


def test_files_present_at_the_start_are_not_assumed_complete(
    served: Database, folder: Path, settings: Settings
) -> None:
    write_image(folder / "a.png")
    assert Watch(served, folder, settings).scan().seen == 0


def test_a_restart_submits_nothing_twice(
    served: Database, folder: Path, settings: Settings
) -> None:
    write_image(folder / "a.png")
    assert Watch(served, folder, settings).once().queued == 1
    again = Watch(served, folder, settings)
    assert again.once().queued == 0
    write_image(folder / "b.png", 20)
    assert again.once().queued == 1
    assert batch_status(served, "incoming").seen == 2


def test_a_file_that_changed_is_another_file(watch: Watch, folder: Path) -> None:
    write_image(folder / "a.png")
    assert watch.once().queued == 1
    write_image(folder / "a.png", 20)
    assert watch.once().queued == 1


def test_a_file_with_a_partial_name_is_submitted_under_its_final_one(
    watch: Watch, folder: Path
) -> None:
    write_image(folder / "a.png.part")
    assert watch.once().seen == 0
    (folder / "a.png.part").rename(folder / "a.png")
    assert watch.once().queued == 1


def test_a_share_that_is_unmounted_and_remounted_is_waited_for(
    served: Database, watch: Watch, folder: Path, settings: Settings
) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        away = folder.rename(folder.with_name("unmounted"))
        time.sleep(5 * settings.watch_seconds)
        write_image(away / "a.png")
        away.rename(folder)
        deadline = time.monotonic() + 30
        while not batch_status(served, "incoming").seen and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join()
    assert batch_status(served, "incoming").queued == 1


def forget(database: Database, batch: str) -> None:
    cancel(database, batch, 4)
    for _ in erase(database, Scope(batch=batch)):
        pass


@pytest.mark.parametrize("after", list(After))
def test_a_watch_whose_batch_is_forgotten_continues_with_new_files_only(
    served: Database, folder: Path, settings: Settings, after: After
) -> None:
    watch = Watch(served, folder, settings, after=after, priority=Priority.URGENT)
    write_image(folder / "a.png")
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        wait_for_names(served, ["a.png"])
        for name, level in (("b.png", 20), ("c.png", 30)):
            forget(served, "incoming")
            write_image(folder / name, level)
            wait_for_names(served, [name])
        (folder / "notes.txt").write_text("no radiograph")
        wait_for_names(served, ["c.png", "notes.txt"])
        deadline = time.monotonic() + 30
        while (folder / "notes.txt").exists() and time.monotonic() < deadline:
            if after is After.LEAVE:
                break
            time.sleep(0.02)
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    assert (folder / "failed" / "notes.txt").exists() == (after is not After.LEAVE)
    status = batch_status(served, "incoming")
    assert (status.seen, status.batch.priority) == (2, Priority.URGENT)


def wait_for_names(database: Database, names: list[str]) -> None:
    """Wait until exactly these files are recorded."""
    deadline = time.monotonic() + 30
    while (found := seen_names(database)) != names:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def seen_names(database: Database) -> list[str]:
    return sorted(Path(row.path).name for row in rows(database, file))


def test_a_running_watch_uses_a_promoted_network(
    served: Database, watch: Watch, folder: Path
) -> None:
    write_image(folder / "a.png", 10)
    watch.scan()
    watch.scan()
    register_model(served, "test-2", "1" * 64, {}, serve=True)
    write_image(folder / "b.png", 20)
    watch.scan()
    watch.scan()
    assert queued_models(served) == ["test-1", "test-2"]


def test_a_watch_may_use_a_network_other_than_the_served_one(
    served: Database, folder: Path, settings: Settings
) -> None:
    register_model(served, "test-2", "1" * 64, {}, serve=False)
    write_image(folder / "a.png")
    watch = Watch(served, folder, settings, model="test-2")
    watch.scan()
    watch.scan()
    assert queued_models(served) == ["test-2"]


def test_the_settling_time_follows_the_setting(
    served: Database, folder: Path, settings: Settings
) -> None:
    watch = Watch(served, folder, settings.model_copy(update={"settle_seconds": 0.3}))
    write_image(folder / "a.png")
    assert watch.scan().seen == 0
    assert watch.scan().seen == 0  # not immediately
    time.sleep(0.35)
    with (folder / "a.png").open("ab") as file:
        file.write(b"more")
    assert watch.scan().seen == 0  # it changed, so its settling time restarts
    time.sleep(0.35)
    assert watch.scan().queued == 1


def test_a_single_scan_waits_for_the_settling_time(
    served: Database, folder: Path, settings: Settings
) -> None:
    watch = Watch(served, folder, settings.model_copy(update={"settle_seconds": 0.3}))
    write_image(folder / "a.png")
    assert watch.once().queued == 1


def test_many_files_at_once_use_little_memory(
    sqlite_url: str, folder: Path, settings: Settings
) -> None:
    database = Database.open(sqlite_url)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    for number in range(20_000):
        (folder / f"a-name-as-long-as-those-of-modalities-are-{number:06}.dcm").touch()
    watch = Watch(database, folder, settings)
    watch.scan()
    tracemalloc.start()
    try:
        watch.scan()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    database.dispose()
    assert batch_status(database, "incoming").seen == 20_000
    assert held < 20_000 * 200  # bytes; the names alone would need more


def test_a_full_disk_is_waited_for(migrated_sqlite: Path, folder: Path, small_disk: Path) -> None:
    shutil.copyfile(migrated_sqlite, small_disk / "thoraq.db")
    settings = Settings(
        state=small_disk,
        database_url=f"sqlite:///{small_disk / 'thoraq.db'}",
        watch_seconds=0.05,
        settle_seconds=0,
    )
    database = Database.open(settings.database)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    watch = Watch(database, folder, settings)
    for number in range(300):
        write_image(folder / f"{number}.png", number % 256)
        with (folder / f"{number}.png").open("ab") as file:
            file.write(str(number).encode())  # different contents
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        time.sleep(0.5)
        assert thread.is_alive()
        assert batch_status(database, "incoming").seen < 300
        (small_disk / "ballast").unlink()
        deadline = time.monotonic() + 30
        while batch_status(database, "incoming").seen < 300 and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        stop.set()
        thread.join()
    status = batch_status(database, "incoming")
    assert (status.seen, status.queued) == (300, 300)
    database.dispose()


def test_only_allowed_folders_are_watched(
    served: Database, folder: Path, settings: Settings, tmp_path: Path
) -> None:
    narrow = settings.model_copy(update={"roots": f"/nowhere:{tmp_path / 'incoming'}"})
    (tmp_path / "door").symlink_to("/etc")
    (tmp_path / "incoming-of-others").mkdir()
    Watch(served, folder, narrow)
    beside = [tmp_path / "incoming-of-others", tmp_path / "incoming2"]
    for place in (tmp_path, tmp_path / "door", folder / ".." / "other", *beside):
        with pytest.raises(PlaceForbidden, match="THORAQ_ROOTS"):
            Watch(served, place, narrow)
