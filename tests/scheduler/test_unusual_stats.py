"""A file whose time or size is out of range does not affect others, and is measured."""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import text

from db.claims import claim_chunk, store_outcomes
from db.database import Database
from db.errors import DatabaseRefused
from db.intake import known_files, open_batch, read_files, record_files
from db.outbox import unsent_chunks
from db.query.results import file_outcomes
from db.query.status import batch_status
from db.records import FileStat, IntakeCount, Outcome, Refusal, RetryPolicy, SeenFile
from db.states import Destination, Priority
from db.tables import file
from radiograph.errors import NotAnImage, UniformPixels, Unrecordable
from radiograph.records import ImageFormat
from scheduler.intake.content import look_into
from scheduler.intake.put_away import After
from scheduler.intake.submission import Intake, enqueue
from scheduler.intake.walk import FoundFile, file_stat, walk
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from testbed.tables import rows

NUMBERS = itertools.count()
#: Possible times: signed 64-bit seconds, as nanoseconds.
TIMES = st.one_of(
    st.integers(-(2**63) * 10**9, 2**63 * 10**9),
    st.sampled_from([sign * (2**63 + one) for sign in (-1, 1) for one in (-2, -1, 0, 1, 2)]),
)
SIZES = st.one_of(st.integers(0, 2**63 - 1), st.sampled_from([0, 2**31, 2**63 - 1]))
YEAR_2500 = 16725225600


def told(size: int, mtime_ns: int) -> Any:
    """Return the stat of a file as from the operating system."""
    return SimpleNamespace(st_size=size, st_mtime_ns=mtime_ns)


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """Return a folder of three images, one with a date beyond 64-bit nanoseconds."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for level in (10, 20, 30):
        Image.new("L", (8, 8), level).save(folder / f"{level}.png", "PNG")
    os.utime(folder / "20.png", (YEAR_2500, YEAR_2500))
    if (folder / "20.png").stat().st_mtime_ns < 2**63:
        pytest.skip("this file system cannot store such a time")
    return folder


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=st.lists(st.tuples(SIZES, TIMES), min_size=1, max_size=5))
def test_a_file_of_any_time_and_size_is_recorded_and_known_again(
    served: Database, said: list[tuple[int, int]]
) -> None:
    batch = open_batch(served, "night", Priority.ROUTINE)
    stats = [file_stat(f"/{next(NUMBERS)}.png", told(*each)) for each in said]
    seen = [
        SeenFile(stat, f"{next(NUMBERS):064}", ImageFormat.PNG) for number, stat in enumerate(stats)
    ]
    count = record_files(served, batch, seen, "test-1", 32)
    assert (count.queued, count.known) == (len(said), 0)
    assert read_files(served, batch, stats) == known_files(served, batch.id, stats) == set(stats)


def test_a_file_of_the_year_2500_is_queued_and_known_the_next_time(
    served: Database, late: Path, settings: Settings
) -> None:
    batch = open_batch(served, "night", Priority.ROUTINE)
    assert enqueue(served, [late], batch, settings) == IntakeCount(seen=3, queued=3)
    assert enqueue(served, [late], batch, settings) == IntakeCount(seen=3, known=3)


def test_a_watch_submits_a_file_of_the_year_2500_and_moves_it(
    served: Database, late: Path, settings: Settings
) -> None:
    watch = Watch(served, late, settings, after=After.MOVE)
    assert watch.once().queued == 3
    refusal = Refusal.of(UniformPixels())
    for message in unsent_chunks(served, 100):
        taken = claim_chunk(served, message.chunk_id, "w", 60.0)
        assert taken is not None
        done = [Outcome(job.job_id, refusal=refusal) for job in taken.jobs]
        store_outcomes(served, taken.owner, done, "w", RetryPolicy())
    watch.scan()
    found = {each.name for each in (late / "failed").iterdir()}
    assert found == {"10.png", "20.png", "30.png", "reasons.csv"}
    assert {each.destination for each in rows(served, file)} == {Destination.FAILED}
    # Sent again, it is another file.
    shutil.copy2(late / "failed" / "20.png", late / "20.png")
    assert watch.once().seen == 1


def test_a_file_that_changes_while_it_is_read_is_noticed_after_2262_too(late: Path) -> None:
    met = next(each.stat for each in walk(late) if each.stat.path.endswith("20.png"))
    assert look_into(met, 1).refusal is None
    os.utime(met.path, (0, 0))
    refusal = look_into(met, 1).refusal
    assert refusal is not None
    assert refusal.code == "file-unavailable"


@pytest.mark.parametrize("others", [0, 1, 6])
@pytest.mark.parametrize("odd", [{"size": 2**64}, {"mtime_ns": -(2**80)}])
def test_a_file_whose_values_the_database_refuses_fails_alone(
    served: Database, settings: Settings, odd: dict[str, int], others: int
) -> None:
    batch = open_batch(served, "night", Priority.ROUTINE)
    refusal = Refusal.of(NotAnImage())
    files = [FoundFile(FileStat(f"/{number}.txt", 1, 1), refusal) for number in range(others)]
    files.insert(others // 2, FoundFile(replace(FileStat("/odd.txt", 1, 1), **odd), refusal))
    for again in (False, True):
        count = Intake(served, batch, settings).take(files)
        assert (count.seen, count.refused) == (others + 1, 0 if again else others + 1)
    codes = {each.path: each.code for each in file_outcomes(served)}
    assert len(codes) == others + 1
    assert codes.pop("/odd.txt") == Unrecordable.code
    assert set(codes.values()) <= {NotAnImage.code}
    assert batch_status(served, "night").balanced


def test_a_database_that_accepts_no_files_ends_the_intake(
    served: Database, late: Path, settings: Settings
) -> None:
    batch = open_batch(served, "night", Priority.ROUTINE)
    with served.write() as connection:  # like a constraint added by the site
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE file ADD CHECK (false)"))
        else:
            connection.execute(
                text(
                    "CREATE TRIGGER no_file BEFORE INSERT ON file"
                    " BEGIN SELECT RAISE(ABORT, 'no file'); END"
                )
            )
    with pytest.raises(DatabaseRefused):
        enqueue(served, [late], batch, settings)
