"""Chunks overlap in the pipeline, and each file has one outcome or is released."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from db.records import Claim, ClaimedJob
from network.card import shipped_card
from network.prediction import Prediction
from network.runtime import Runtime
from radiograph.reading import ReadLimits
from radiograph.records import IctThresholds
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.test_readers import job
from worker.breaker import Breaker
from worker.chunk import ChunkAtWork
from worker.errors import DeviceFailed, FolderAway, LeaseLost, StopRequested
from worker.file_measurement import Circumstances, FileMeasurement
from worker.lease import Lease
from worker.loaded_network import LoadedNetwork
from worker.machine import Machine
from worker.pipeline import Pipeline
from worker.readers.pool import Readers

LIMITS = ReadLimits(max_file_bytes=64 << 20, max_pixels=10_000_000, min_side_px=128)


class Network:
    """A network that records its batches, and can be blocked or broken."""

    device_name = "test"
    runtime = Runtime.TORCH
    precision = "fp32"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.broken = False

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Return arbitrary predictions."""
        self.batches.append(len(pixels))
        self.free.wait(30)
        if self.broken:
            raise RuntimeError("the device fell off the bus")
        return [Prediction(np.full((19, 2), np.nan), np.ones(19), 1.0) for _ in pixels]


class Line:
    """A pipeline with real reading processes, and the chunks it stored."""

    def __init__(self, readers: Readers, settings: Settings, folder: Path) -> None:
        self.network = Network()
        self.stored: list[ChunkAtWork] = []
        self.storing = threading.Event()
        self.storing.set()
        self.pipeline = Pipeline(readers, Machine(readers, Breaker(), 128), self.store)
        of = Circumstances("test", "test", IctThresholds(), Pseudonyms.of(settings))
        self.measurement = FileMeasurement(
            of, shipped_card(), LoadedNetwork(self.network, device_batch=4)
        )
        self._folder = folder
        self._made = 0

    def store(self, chunk: ChunkAtWork) -> None:
        """Record a stored chunk, once storing is not blocked."""
        self.storing.wait(30)
        chunk.lease.end()
        self.stored.append(chunk)

    def chunk(self, files: int, *, attempt: int = 1, held: bool = True) -> ChunkAtWork:
        """Return a claim on new files."""
        self._made += 1
        folder = self._folder / str(self._made)
        write_radiographs(folder, files, seed=self._made)
        return self.of([job(path) for path in sorted(folder.iterdir())], attempt, held=held)

    def of(self, jobs: Sequence[ClaimedJob], attempt: int = 1, *, held: bool = True) -> ChunkAtWork:
        """Return a claim on files, under a lease that is held or lost."""
        numbered = tuple(
            ClaimedJob(number, number, each.paths, each.sha256, each.format, attempt)
            for number, each in enumerate(jobs)
        )
        lease = Lease(lambda: held, 60.0 if held else 0.0)
        lease.start()
        claim = Claim(f"owner {self._made}", self._made, "test", numbered)
        return ChunkAtWork(claim, lease, self.measurement)

    def carry(self, chunk: ChunkAtWork, check: Callable[[], None] = lambda: None) -> None:
        """Add a chunk."""
        self.pipeline.carry(chunk, check)

    def begin(self, chunk: ChunkAtWork) -> threading.Thread:
        """Add a chunk, in another thread."""
        thread = threading.Thread(target=self.carry, args=(chunk,))
        thread.start()
        return thread


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with reading() as readers:
        settings = Settings(state=tmp_path / "state")
        settings.state.mkdir()
        yield Line(readers, settings, tmp_path)


@contextmanager
def reading() -> Iterator[Readers]:
    readers = Readers(1, LIMITS, timeout_seconds=60.0, memory_mb=4096)
    try:
        yield readers
    finally:
        readers.close()


def ended(chunk: ChunkAtWork) -> list[int]:
    return sorted(outcome.job_id for outcome in chunk.outcomes)


def test_device_batches_are_formed_across_chunks(line: Line) -> None:
    line.network.free.clear()
    first, second = line.chunk(5), line.chunk(2)
    line.carry(first)
    assert eventually(lambda: line.network.batches == [4])
    carried = line.begin(second)
    carried.join(0.5)
    assert carried.is_alive()  # it is read, and no other chunk is claimed
    line.network.free.set()
    assert line.pipeline.drain(60)
    assert line.stored == [first, second]
    assert [ended(chunk) for chunk in line.stored] == [[0, 1, 2, 3, 4], [0, 1]]
    assert line.network.batches == [4, 3]


def test_a_chunk_is_predicted_while_the_previous_one_is_stored(line: Line) -> None:
    line.storing.clear()
    first, second = line.chunk(2), line.chunk(2)
    line.carry(first)
    line.carry(second)
    assert eventually(lambda: second.closed)
    assert not line.stored
    line.storing.set()
    assert line.pipeline.drain(60)
    assert line.stored == [first, second]


def test_the_next_chunk_is_claimed_only_when_little_is_left_to_predict(line: Line) -> None:
    line.network.free.clear()
    carried = line.begin(line.chunk(12))
    assert eventually(lambda: line.network.batches == [4])
    assert carried.is_alive()  # one batch and the reader's file may be left, not eleven
    line.network.free.set()
    carried.join(60)
    assert not carried.is_alive()
    assert line.pipeline.drain(60)


def test_no_chunks_are_added_while_the_database_is_unavailable(line: Line) -> None:
    line.storing.clear()
    first = [line.chunk(1) for _ in range(3)]
    for chunk in first:
        line.carry(chunk)
    assert eventually(lambda: all(chunk.closed for chunk in first))
    fourth = line.begin(line.chunk(1))
    fourth.join(2)
    assert fourth.is_alive()
    line.storing.set()
    fourth.join(60)
    assert not fourth.is_alive()
    assert line.pipeline.drain(60)
    assert len(line.stored) == 4


def test_a_requeued_chunk_is_processed_alone(line: Line) -> None:
    line.network.free.clear()
    fresh = line.chunk(2)
    line.carry(fresh)
    back = line.chunk(1, attempt=2)
    carried = line.begin(back)
    assert eventually(lambda: line.network.batches)
    assert back.unread == 1  # it is not read together with others
    line.network.free.set()
    carried.join(60)
    assert line.stored == [fresh, back]  # carry() returned after it was stored
    assert line.network.batches == [2, 1]


def test_a_stop_measures_files_already_read_and_releases_the_rest(line: Line) -> None:
    def stop() -> None:
        raise StopRequested

    line.network.free.clear()
    first, second = line.chunk(4), line.chunk(3)
    line.carry(first)
    assert eventually(lambda: line.network.batches == [4])
    with pytest.raises(StopRequested):
        line.carry(second, stop)
    line.pipeline.give_back(StopRequested())
    line.network.free.set()
    assert line.pipeline.drain(60)
    assert line.stored == [first, second]
    assert first.failure is None
    assert ended(first) == [0, 1, 2, 3]
    assert isinstance(second.failure, StopRequested)
    assert not second.outcomes


def test_a_failing_device_releases_every_chunk(line: Line) -> None:
    line.network.free.clear()
    first, second = line.chunk(4), line.chunk(1)
    line.carry(first)
    assert eventually(lambda: line.network.batches == [4])
    line.network.broken = True
    threading.Timer(0.5, line.network.free.set).start()
    with pytest.raises(DeviceFailed):
        line.carry(second)
    assert line.pipeline.drain(60)
    assert set(line.stored) == {first, second}
    assert all(isinstance(chunk.failure, DeviceFailed) for chunk in line.stored)
    assert not any(chunk.outcomes for chunk in line.stored)
    line.network.broken = False
    line.carry(line.chunk(1))  # reported once
    assert line.pipeline.drain(60)
    assert line.stored[-1].failure is None


def test_an_unmounted_share_releases_every_chunk(line: Line, tmp_path: Path) -> None:
    away = job(tmp_path / "share" / "film.png", sha256="0" * 64)
    with pytest.raises(FolderAway):
        line.carry(line.of([away] * 20))
    assert line.pipeline.drain(60)
    [chunk] = line.stored
    assert isinstance(chunk.failure, FolderAway)
    assert len(chunk.outcomes) == 4


def test_a_lost_lease_ends_only_its_chunk(line: Line) -> None:
    lost = line.chunk(3, held=False)
    line.carry(lost)
    sound = line.chunk(3)
    line.carry(sound)
    assert line.pipeline.drain(60)
    assert isinstance(lost.failure, LeaseLost)
    assert sound.failure is None
    assert ended(sound) == [0, 1, 2]
