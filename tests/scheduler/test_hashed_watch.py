"""A watch moves files whose paths are finally stored only as hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from pydantic import SecretStr

from db.archive import is_hashed
from db.database import Database
from db.intake import open_batch, record_files
from db.models import register_model
from db.operations import retry
from db.query.results import file_outcomes
from db.records import FileStat, Refusal, SeenFile
from db.states import Priority
from db.tables import file
from radiograph.errors import FileUnavailable
from scheduler.archive import archive_of
from scheduler.choices import StoredPaths
from scheduler.intake.put_away import After
from scheduler.intake.submission import enqueue
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from scheduler.upkeep import PathHiding, keep_up
from testbed.records import AWAY, BROKEN, measure_all, refusing, seen, submit
from testbed.tables import rows
from tests.scheduler.test_put_away import end, lying, take
from tests.scheduler.test_watch import write_image


@pytest.fixture
def hashing(settings: Settings) -> Settings:
    """Return the settings of a site that hashes paths."""
    return settings.model_copy(update={"store_paths": StoredPaths.HASHED})


@pytest.fixture
def hashed(database_url: str, hashing: Settings) -> Iterator[Database]:
    """Return such a site's database."""
    opened = Database.open(database_url, archive_of(hashing))
    register_model(opened, "test-1", "0" * 64, {}, serve=True)
    yield opened
    opened.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two radiographs and another file."""
    made = tmp_path / "incoming"
    (made / "study").mkdir(parents=True)
    write_image(made / "study" / "1.png", 1)
    write_image(made / "2.png", 2)
    (made / "notes.txt").write_text("no radiograph")
    return made


@pytest.mark.parametrize(
    ("after", "measured"),
    [(After.MOVE, {"done/study/1.png", "done/2.png"}), (After.DELETE, set())],
    ids=["move", "delete"],
)
def test_measured_files_are_moved_and_no_path_is_stored(
    hashed: Database, hashing: Settings, folder: Path, after: After, measured: set[str]
) -> None:
    watch = Watch(hashed, folder, hashing, after=after)
    take(watch)
    end(hashed)
    watch.leave()
    watch = Watch(hashed, folder, hashing, after=after)  # killed before it moved them
    watch.scan()
    assert lying(folder) == {*measured, "failed/notes.txt"}
    assert all(is_hashed(row.path) for row in rows(hashed, file))
    assert len(list(file_outcomes(hashed, study=str(folder / "2.png")))) == 1
    count = watch.scan()
    assert (count.queued, count.duplicates) == (0, 0)
    watch.leave()


def test_a_watch_that_leaves_files_submits_none_twice(
    hashed: Database, hashing: Settings, folder: Path
) -> None:
    watch = Watch(hashed, folder, hashing)
    take(watch)
    end(hashed, lambda each: refusing(each, BROKEN))
    assert all(is_hashed(row.path) for row in rows(hashed, file))
    retry(hashed, None, None, 4)
    watch.leave()
    take(again := Watch(hashed, folder, hashing))
    again.leave()
    assert len(rows(hashed, file)) == 3
    # The operator's submission supplies the paths for the retry.
    count = enqueue(hashed, [folder], again.batch, hashing)
    assert (count.queued, count.known, count.refused) == (2, 1, 0)
    measure_all(hashed)
    assert all(is_hashed(row.path) for row in rows(hashed, file))


def test_a_folder_that_becomes_readable_is_no_longer_a_failure(
    hashed: Database, hashing: Settings, folder: Path
) -> None:
    batch = open_batch(hashed, "night", Priority.ROUTINE)
    stat = FileStat(str(folder / "study"), 0, 0)
    away = Refusal(FileUnavailable.code, "locked", AWAY.disposition)
    record_files(hashed, batch, [SeenFile(stat, refusal=away)], "test-1", 4)
    assert is_hashed(rows(hashed, file)[0].path)
    count = enqueue(hashed, [folder], batch, hashing)
    assert (count.reopened, count.queued, count.refused) == (1, 2, 1)
    assert len(rows(hashed, file)) == 3


def test_the_upkeep_hashes_paths_recorded_under_another_setting_in_rounds(
    hashed: Database, database_url: str, app: Celery
) -> None:
    before = Database.open(database_url)
    submit(before, [seen(nth) for nth in range(4)])
    measure_all(before)
    before.dispose()
    hiding = PathHiding(hashed, 3)
    hidden = []
    for _ in range(3):
        assert keep_up(hashed, app, 900.0, hiding)
        hidden.append(sum(is_hashed(row.path) for row in rows(hashed, file)))
    assert hidden == [3, 4, 4]


def test_an_upkeep_that_cannot_read_the_key_waits(
    database_url: str, hashing: Settings, app: Celery
) -> None:
    far = hashing.model_copy(update={"database_url": SecretStr("postgresql://server/thoraq")})
    before = Database.open(database_url)
    submit(before, [seen(1)])
    measure_all(before)
    before.dispose()
    database = Database.open(database_url, archive_of(far))
    assert not keep_up(database, app, 900.0, PathHiding(database))
    database.dispose()
    assert not (hashing.state / "patient.key").exists()
