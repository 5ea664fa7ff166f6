"""Timing each stage of measuring alone, in one thread of one process.

It loads torch, and so runs as a separate process: ``python -m benchmarks.bench.stages FOLDER``
prints JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from db import schema
from db.address import sqlite_url
from db.claims import claim_chunk, store_outcomes
from db.database import Database
from db.intake import open_batch, record_files
from db.models import register_model
from db.outbox import unsent_chunks
from db.records import RetryPolicy, SeenFile
from db.states import Priority
from network.card import shipped_card
from network.input import prepare
from network.prediction import Prediction, PreparedInput
from radiograph.errors import RadiographError
from radiograph.image import Radiograph
from radiograph.reading import ReadLimits
from radiograph.records import ImageFormat
from scheduler.intake.content import look_into
from scheduler.intake.walk import FoundFile, walk
from scheduler.logs import configure_logs
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings, read_settings
from worker.device_batch import device_batch_for
from worker.file_measurement import Circumstances, FileMeasurement
from worker.limits import read_limits
from worker.loaded_network import LoadedNetwork, open_network
from worker.readers.reader import read_submitted
from worker.readers.wire import ReadFile

T = TypeVar("T")

#: Files to warm up on: statements are compiled on first use, once per process.
_WARM_UP_FILES = 16


@dataclass(frozen=True, slots=True)
class StageCost:
    """The cost of one stage. ``kind``: the transfer syntax or format that was read, or empty."""

    stage: str
    files: int
    cpu_seconds: float
    wall_seconds: float
    kind: str = ""


def measure_stages(folder: Path, settings: Settings, device: str, most: int) -> list[StageCost]:
    """Time the stages on at most ``most`` files, each stage on the output of the previous one.

    Raises PlaceMissing, ModelUnavailable, DeviceFailed.
    """
    costs: list[StageCost] = []
    files = [each for each in _timed(costs, "list", lambda: walk(folder)) if each.refusal is None]
    chosen = _evenly(files, most)
    seen = _timed(costs, "hash", lambda: _looked(chosen, settings.max_file_mb))
    sound = [(each, each.sha256) for each in seen if each.sha256 and each.refusal is None]
    radiographs = _read(costs, sound, read_limits(settings))
    prepared = _timed(costs, "prepare", lambda: _prepared(radiographs))
    read_files = [
        (
            each,
            ReadFile(radiograph.header, radiograph.pixel_digest, radiograph.to_source, square, 0.0),
        )
        for (each, radiograph), square in zip(radiographs, prepared, strict=True)
    ]
    card = shipped_card()
    predictor = open_network(card, device, settings)
    device_batch = device_batch_for(predictor, device, settings.device_batch, settings.chunk_size)
    predicting = LoadedNetwork(predictor, device_batch)
    squares = [each.prepared for _, each in read_files]
    for some in (squares[:device_batch], squares[len(squares) // device_batch * device_batch :]):
        predicting.predict(some)  # the first call compiles
    predictions = _timed(costs, "predict", lambda: predicting.predict(squares))
    measurement = FileMeasurement(_circumstances(settings), card, predicting)
    _store(costs, list(zip(read_files, predictions, strict=True)), settings, measurement)
    return costs


def _evenly(files: Sequence[FoundFile], most: int) -> list[FoundFile]:
    """Choose a sample with the same proportions of small and large files as the archive.

    Not the first files or every n-th one: kinds of files often alternate in an archive.
    """
    by_size = sorted(files, key=lambda each: each.stat.size)
    count = min(most, len(files))
    chosen = {by_size[(2 * nth + 1) * len(files) // (2 * count)].stat.path for nth in range(count)}
    return [each for each in files if each.stat.path in chosen]


def _looked(chosen: Sequence[FoundFile], max_file_mb: int) -> Iterator[SeenFile]:
    return (look_into(each.stat, max_file_mb) for each in chosen)


def _read(
    costs: list[StageCost], sound: Sequence[tuple[SeenFile, str]], limits: ReadLimits
) -> list[tuple[SeenFile, Radiograph]]:
    by_kind: dict[str, list[tuple[float, float]]] = {}
    radiographs = []
    for each, sha256 in sound:
        began = _Clock()
        try:
            radiograph = read_submitted(Path(each.stat.path), sha256, limits)
        except RadiographError:
            continue
        syntax = radiograph.header.transfer_syntax
        kind = str(each.format) if each.format is not ImageFormat.DICOM else syntax or "no syntax"
        by_kind.setdefault(kind, []).append((began.cpu_seconds, began.wall_seconds))
        radiographs.append((each, radiograph))
    for kind, times in sorted(by_kind.items()):
        cpu, wall = (sum(column) for column in zip(*times, strict=True))
        costs.append(StageCost("read", len(times), cpu, wall, kind))
    return radiographs


def _prepared(radiographs: Sequence[tuple[SeenFile, Radiograph]]) -> Iterator[PreparedInput]:
    return (prepare(radiograph.pixels, extent=radiograph.extent) for _, radiograph in radiographs)


def _store(
    costs: list[StageCost],
    predicted: Sequence[tuple[tuple[SeenFile, ReadFile], Prediction]],
    settings: Settings,
    measurement: FileMeasurement,
) -> None:
    """Record, claim, measure and store in a separate database; the first few files warm it up."""
    with tempfile.TemporaryDirectory(prefix="thoraq-bench-") as place:
        url = sqlite_url(Path(place) / "thoraq.db")
        schema.upgrade(url)
        database = Database.open(url)
        card = shipped_card()
        register_model(database, card.version, card.weights_digest, card.card, serve=True)
        few = min(_WARM_UP_FILES, len(predicted) // 2)
        for some, recorded in ((predicted[:few], []), (predicted[few:], costs)):
            _store_some(recorded, database, some, settings, measurement)
        database.dispose()


def _store_some(
    costs: list[StageCost],
    database: Database,
    predicted: Sequence[tuple[tuple[SeenFile, ReadFile], Prediction]],
    settings: Settings,
    measurement: FileMeasurement,
) -> None:
    batch = open_batch(database, f"bench-{len(predicted)}", Priority.ROUTINE)
    files = [each for (each, _), _ in predicted]
    with _clocked(costs, "record", len(files)):
        record_files(database, batch, files, shipped_card().version, settings.chunk_size)
    of = {each.identity: (read_file, found) for (each, read_file), found in predicted}
    claims = []
    with _clocked(costs, "claim", len(files)):
        for message in unsent_chunks(database, len(files)):
            claim = claim_chunk(database, message.chunk_id, "bench", 3600.0)
            claims += [claim] if claim is not None else []
    with _clocked(costs, "measure", len(files)):
        done = [
            [measurement.outcome(job, *of[job.sha256], 0.0) for job in claim.jobs]
            for claim in claims
        ]
    policy = RetryPolicy()
    with _clocked(costs, "write", len(files)):
        for claim, outcomes in zip(claims, done, strict=True):
            store_outcomes(database, claim.owner, outcomes, "bench", policy)


def _circumstances(settings: Settings) -> Circumstances:
    return Circumstances(
        worker="bench",
        code_version="bench",
        thresholds=settings.ict_thresholds,
        pseudonyms=Pseudonyms.of(settings),
    )


class _Clock:
    """CPU time of this process and wall-clock time since its creation."""

    def __init__(self) -> None:
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()

    @property
    def cpu_seconds(self) -> float:
        return _cpu_seconds() - self._cpu

    @property
    def wall_seconds(self) -> float:
        return time.perf_counter() - self._wall


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _timed(costs: list[StageCost], stage: str, work: Callable[[], Iterable[T]]) -> list[T]:
    clock = _Clock()
    made = list(work())
    costs.append(StageCost(stage, len(made), clock.cpu_seconds, clock.wall_seconds))
    return made


@contextmanager
def _clocked(costs: list[StageCost], stage: str, files: int) -> Iterator[None]:
    clock = _Clock()
    yield
    costs.append(StageCost(stage, files, clock.cpu_seconds, clock.wall_seconds))


def main() -> None:
    """Print the costs of a folder's files as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.stages", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--most", type=int, default=300, help="files that are measured")
    asked = parser.parse_args()
    configure_logs()
    costs = measure_stages(asked.folder, read_settings(), asked.device, asked.most)
    json.dump([asdict(each) for each in costs], sys.stdout)


if __name__ == "__main__":
    main()
